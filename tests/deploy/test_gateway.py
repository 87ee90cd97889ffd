"""The gateway for Kubernetes: its files, and how its pods leave: nobody meets a closed door."""

import asyncio
import random
import signal
from collections import Counter
from pathlib import Path
from typing import Any

import pytest
import yaml

from proxy.config.load import load_file
from proxy.config.units import parse_duration
from tests.cli.running import command, environment
from tests.deploy.objects import FOLDER, read, validate
from tests.peers.caller import Caller
from tests.peers.kustomize import kustomize_missing, kustomized
from tests.peers.raw_upstream import RawUpstream
from tests.peers.scripts import answers
from tests.ports import free_port

GATEWAY = FOLDER / "gateway"
ENVIRONMENT = {"POD_IP": "10.0.0.7", "POD_NAMESPACE": "shop"}
"""An address that is asked for, though it is reached by another: a loopback one needs no word in the file."""
CALLERS = 6
LATE = 7.0
"""Seconds until the last node knows that a pod is going: longer than its preStop, less than that and --min-drain."""


def container() -> dict[str, Any]:
    (found,) = read("gateway/deployment.yaml")["spec"]["template"]["spec"]["containers"]
    return found


def secrets() -> dict[str, str]:
    lines = (GATEWAY / "secret.env").read_text().splitlines()
    return {name: value for name, _, value in (line.partition("=") for line in lines)}


def test_what_is_applied_is_valid_by_the_strict_schema(tmp_path: Path) -> None:
    if reason := kustomize_missing():
        pytest.skip(reason)
    objects = kustomized(GATEWAY)
    kinds = {"ConfigMap", "Secret", "Deployment", "Service", "PodDisruptionBudget", "NetworkPolicy"}
    assert {each["kind"] for each in objects} == kinds
    file = tmp_path / "built.yaml"
    file.write_text(yaml.safe_dump_all(objects))
    assert validate(file) == ""


def test_its_configuration_is_accepted_and_every_secret_is_there() -> None:
    assert load_file(GATEWAY / "outrider.yaml", ENVIRONMENT).warnings == []
    text = (GATEWAY / "outrider.yaml").read_text()
    assert all(f"{{credential: {name}}}" in text for name in secrets())
    assert text.count("{credential: ") == len(secrets())


def test_it_may_do_nothing_that_it_needs_not() -> None:
    pod = read("gateway/deployment.yaml")["spec"]["template"]["spec"]
    assert pod["automountServiceAccountToken"] is False
    assert pod["securityContext"]["runAsNonRoot"]
    assert pod["securityContext"]["runAsUser"] == pod["securityContext"]["fsGroup"] == 10001
    assert pod["securityContext"]["seccompProfile"] == {"type": "RuntimeDefault"}
    context = container()["securityContext"]
    assert (context["readOnlyRootFilesystem"], context["allowPrivilegeEscalation"]) == (True, False)
    assert context["capabilities"] == {"drop": ["ALL"]}


def test_everybody_looks_for_the_same_pods_and_ports() -> None:
    deployment, service = read("gateway/deployment.yaml"), read("gateway/service.yaml")
    template = deployment["spec"]["template"]
    labels = template["metadata"]["labels"].items()
    budget, policy = read("gateway/disruption.yaml"), read("gateway/networkpolicy.yaml")
    for chosen in (
        deployment["spec"]["selector"]["matchLabels"],
        service["spec"]["selector"],
        budget["spec"]["selector"]["matchLabels"],
        policy["spec"]["podSelector"]["matchLabels"],
    ):
        assert chosen.items() <= labels
    ports = {port["name"]: port["containerPort"] for port in container()["ports"]}
    (served,) = service["spec"]["ports"]
    assert ports[served["targetPort"]] == served["port"]
    assert {each["port"] for rule in policy["spec"]["ingress"] for each in rule["ports"]} == set(ports.values())
    config = load_file(GATEWAY / "outrider.yaml", ENVIRONMENT).config
    listened = [address.rpartition(":")[2] for address in (*config.listen_addresses, *config.admin_addresses)]
    assert set(listened) == {str(port) for port in ports.values()}


def test_its_time_to_end_is_longer_than_all_that_it_may_take() -> None:
    pod = read("gateway/deployment.yaml")["spec"]["template"]["spec"]
    words = container()["args"]
    least, most = (parse_duration(words[words.index(flag) + 1]) for flag in ("--min-drain", "--max-drain"))
    before = float(container()["lifecycle"]["preStop"]["exec"]["command"][-1])
    assert least < most
    assert before + most < pod["terminationGracePeriodSeconds"]


class Pod:
    """What the kubelet starts, with an upstream that answers."""

    def __init__(self, process: asyncio.subprocess.Process, port: int, admin: int, log: Path) -> None:
        self.process = process
        self.log = log
        self.port = port
        self.admin = admin

    @classmethod
    async def start(cls, folder: Path, upstream: str) -> "Pod":
        folder.mkdir()
        for name, value in secrets().items():
            (folder / name).write_text(value)
        file = folder / "outrider.yaml"
        file.write_text((GATEWAY / "outrider.yaml").read_text().replace("https://api.example.com/v1", upstream))
        port, admin = free_port(), free_port()
        variables = {
            "CREDENTIALS_DIRECTORY": str(folder),
            "OUTRIDER_LISTEN": f"127.0.0.1:{port}",
            "OUTRIDER_ADMIN_LISTEN": f"127.0.0.1:{admin}",
        }
        words = [str(file) if word.startswith("/") else word for word in container()["args"]]
        env = environment(**ENVIRONMENT, **variables)
        with (folder / "stderr").open("wb") as stderr:
            process = await asyncio.create_subprocess_exec(*command(*words), env=env, stderr=stderr)
        return cls(process, port, admin, folder / "stderr")

    async def until_ready(self) -> None:
        async with asyncio.timeout(60):
            while await self.probed("startupProbe") != 200 or await self.probed("readinessProbe") != 200:
                assert self.process.returncode is None, self.log.read_text()
                await asyncio.sleep(0.05)

    async def probed(self, probe: str) -> int:
        """The status that the kubelet gets, who calls the pod by its address; 0 while nobody is there."""
        path = container()[probe]["httpGet"]["path"]
        head = f"GET {path} HTTP/1.1\r\nHost: {ENVIRONMENT['POD_IP']}:{self.admin}\r\n\r\n"
        try:
            async with await Caller.connect(self.admin) as kubelet:
                await kubelet.send(head.encode())
                return (await kubelet.answer()).status
        except OSError:
            return 0

    async def end(self) -> int:
        """As the kubelet does: the preStop, then TERM. Its exit code."""
        words = container()["lifecycle"]["preStop"]["exec"]["command"]
        assert await (await asyncio.create_subprocess_exec(*words)).wait() == 0
        self.process.send_signal(signal.SIGTERM)
        return await asyncio.wait_for(self.process.wait(), 30)

    async def kill(self) -> None:
        if self.process.returncode is None:
            self.process.kill()
            await self.process.wait()


class Service:
    """Leads each new connection to one of the pods that it knows, and callers stay on theirs until told to leave."""

    def __init__(self, pods: list[Pod]) -> None:
        self.pods = pods
        self.answered: Counter[tuple[int, bool]] = Counter()
        """By port, and whether it was the first answer of a connection."""
        self.failed: list[object] = []
        self.over = False

    async def until_answered(self, port: int, *, first: bool, more_than: int = 0) -> int:
        """By the pod at `port`, so many times at least; how many times it was."""
        async with asyncio.timeout(30):
            while self.answered[port, first] <= more_than:
                await asyncio.sleep(0.01)
        return self.answered[port, first]

    async def call(self) -> None:
        while not self.over:
            pod = random.choice(self.pods)
            try:
                async with await Caller.connect(pod.port) as caller:
                    await self._talk(caller, pod.port)
            except (OSError, EOFError) as error:
                self.failed.append(error)

    async def _talk(self, caller: Caller, port: int) -> None:
        token = f"Outrider-Token: {secrets()['orders_token']}"
        head = f"GET /x HTTP/1.1\r\nHost: outrider.{ENVIRONMENT['POD_NAMESPACE']}:{port}\r\n{token}\r\n\r\n".encode()
        for number in range(random.randint(1, 40)):
            await caller.send(head)
            answer = await caller.answer()
            self.answered[port, number == 0] += 1
            if answer.status != 200 or not answer.whole:
                self.failed.append(answer)
            if self.over or answer.get(b"connection") == b"close":
                return
            await asyncio.sleep(0.02)


async def test_a_pod_leaves_and_no_request_fails_while_the_nodes_learn_of_it(tmp_path: Path) -> None:
    async with RawUpstream(answers()) as upstream:
        pods = [await Pod.start(tmp_path / str(number), upstream.url) for number in range(2)]
        going, staying = pods
        try:
            await asyncio.gather(*(pod.until_ready() for pod in pods))
            assert await going.probed("livenessProbe") == 200
            service = Service(pods)
            calling = [asyncio.create_task(service.call()) for _ in range(CALLERS)]
            before = await service.until_answered(going.port, first=True)
            ending = asyncio.create_task(going.end())
            await asyncio.sleep(LATE)
            assert service.answered[going.port, True] > before
            service.pods = [staying]
            assert await ending == 0
            met = service.answered[staying.port, False]
            await service.until_answered(staying.port, first=False, more_than=met)
            service.over = True
            await asyncio.gather(*calling)
        finally:
            for pod in pods:
                await pod.kill()
    assert service.failed == []
