from proxy.config.problem import ConfigInvalid, Problem, listed, nearest, quoted


def test_a_problem_is_one_line_with_its_place() -> None:
    assert str(Problem("f.yaml", 3, 7, "this is wrong", "that is right")) == "f.yaml:3:7: this is wrong; that is right"


def test_a_problem_of_no_line_names_the_file_alone() -> None:
    assert str(Problem("--listen", 0, 0, "this is wrong", "that is right")) == "--listen: this is wrong; that is right"


def test_a_warning_says_that_it_is_one() -> None:
    assert str(Problem("f", 1, 1, "odd", "better", "warning")) == "f:1:1: warning: odd; better"


def test_problems_come_in_the_order_of_the_file_and_each_once() -> None:
    first, second = Problem("f", 2, 1, "a", "b"), Problem("f", 10, 1, "a", "b")
    invalid = ConfigInvalid([second, first, second])
    assert invalid.problems == [first, second]
    assert str(invalid) == "f:2:1: a; b\nf:10:1: a; b"


def test_quoted_text_stays_on_one_printable_line() -> None:
    shown = quoted('a"\n\x1b\ud800\u2028b')
    assert "\n" not in shown
    assert shown.isprintable()
    assert shown.encode()


def test_quoted_text_is_not_endless() -> None:
    assert len(quoted("a" * 1000)) < 70


def test_names_are_listed_as_in_a_sentence() -> None:
    assert (listed(["a"]), listed(["a", "b"]), listed("abc")) == ("a", "a or b", "a, b or c")


def test_the_nearest_name_is_found_across_case_and_dashes() -> None:
    assert nearest("Api-Key", ["api_key", "bearer"]) == "api_key"
    assert nearest("zzz", ["api_key", "bearer"]) is None
