// A certified OpenID provider for tests: `node server.mjs FD ISSUER [FOLDER]` listens on the inherited socket FD.
//
// FOLDER holds cert.pem, key.pem and ca.pem: then it speaks TLS and asks for client certificates. Everything that a
// grant's own specification says is the package's; the routes under /test stand for a person with a browser and for
// an administrator, /api is an API that takes the tokens, and the grants of RFC 7523 and RFC 8693, which the package
// leaves to who uses it, are registered here. Prints "ready" once it listens.
import { createHash, randomBytes } from 'node:crypto';
import { readFileSync } from 'node:fs';
import http from 'node:http';
import https from 'node:https';

import { createRemoteJWKSet, createLocalJWKSet, jwtVerify } from 'jose';
import Provider, { errors } from 'oidc-provider';

const [fd, issuer, folder] = process.argv.slice(2);
const ACCOUNT = 'ada';
const JWT_BEARER = 'urn:ietf:params:oauth:grant-type:jwt-bearer';
const TOKEN_EXCHANGE = 'urn:ietf:params:oauth:grant-type:token-exchange';
const lifetimes = new Map();
const facts = new Map();
let wantsNonce = false;

const certificate = (ctx) => {
  const peer = ctx.req.socket.getPeerX509Certificate?.();
  return peer ? peer.toString() : undefined;
};
const thumbprint = (pem) => createHash('sha256').update(Buffer.from(pem.replace(/-----[^-]+-----|\s/g, ''), 'base64'))
  .digest('base64url');
const lifetime = (ctx, token, client) => lifetimes.get(client?.clientId) ?? 3600;

const provider = new Provider(issuer, {
  clients: [],
  scopes: ['openid', 'offline_access', 'read', 'write'],
  findAccount: (ctx, sub) => ({ accountId: sub, claims: () => ({ sub }) }),
  clientAuthMethods: [
    'none', 'client_secret_basic', 'client_secret_post', 'client_secret_jwt', 'private_key_jwt',
    'tls_client_auth', 'self_signed_tls_client_auth',
  ],
  features: {
    devInteractions: { enabled: false },
    clientCredentials: { enabled: true },
    introspection: { enabled: true },
    revocation: { enabled: true },
    deviceFlow: { enabled: true },
    dPoP: { enabled: true, nonceSecret: randomBytes(32), requireNonce: () => wantsNonce },
    mTLS: {
      enabled: true,
      certificateBoundAccessTokens: true,
      tlsClientAuth: true,
      selfSignedTlsClientAuth: true,
      getCertificate: certificate,
      certificateAuthorized: (ctx) => ctx.req.socket.authorized === true,
      certificateSubjectMatches: (ctx, property, expected) => property === 'tls_client_auth_san_dns'
        && (ctx.req.socket.getPeerX509Certificate().subjectAltName ?? '').split(', ').includes(`DNS:${expected}`),
    },
    resourceIndicators: {
      enabled: true,
      useGrantedResource: () => true,
      getResourceServerInfo: (ctx, resource, client) => ({
        scope: 'read write', audience: resource, accessTokenFormat: 'jwt', accessTokenTTL: lifetime(ctx, null, client),
        jwt: { sign: { alg: 'RS256' } },
      }),
    },
  },
  enabledJWA: { dPoPSigningAlgValues: ['ES256', 'EdDSA', 'RS256', 'PS256'] },
  rotateRefreshToken: true,
  issueRefreshToken: (ctx, client) => client.grantTypeAllowed('refresh_token'),
  ttl: {
    AccessToken: lifetime, ClientCredentials: lifetime, AuthorizationCode: 60, DeviceCode: 600, Grant: 86400,
    IdToken: 3600, Interaction: 600, RefreshToken: 86400, Session: 86400,
  },
  interactions: { url: (ctx, interaction) => `/test/approve/${interaction.uid}` },
});

// What happened, for each client, in order.
const note = (clientId, fact) => {
  if (!facts.has(clientId)) facts.set(clientId, []);
  facts.get(clientId).push(fact);
};
provider.on('grant.success', (ctx) => note(ctx.oidc.client.clientId, { granted: ctx.oidc.params.grant_type }));
provider.on('grant.error', (ctx, error) => {
  const who = ctx.oidc?.client?.clientId ?? ctx.oidc?.params?.client_id ?? '';
  note(who, { refused: ctx.oidc?.params?.grant_type, error: error.error, why: error.error_detail ?? error.message });
});
provider.on('grant.revoked', (ctx) => note(ctx.oidc.client.clientId, { revoked: true }));

async function grantOf(clientId, scope, resource) {
  const grant = new provider.Grant({ accountId: ACCOUNT, clientId });
  grant.addOIDCScope('openid offline_access read write');
  if (resource) grant.addResourceScope(resource, scope);
  return grant.save();
}

async function tokens(ctx, gty) {
  const { client, params } = ctx.oidc;
  const grantId = await grantOf(client.clientId, params.scope ?? 'read');
  const of = { accountId: ACCOUNT, client, grantId, gty, scope: params.scope ?? 'read' };
  const token = new provider.AccessToken(of);
  const access = await token.save();
  const refresh = client.grantTypeAllowed('refresh_token')
    ? await new provider.RefreshToken({ ...of, rotations: 0 }).save() : undefined;
  return { access_token: access, expires_in: token.expiration, refresh_token: refresh, token_type: 'Bearer' };
}

provider.registerGrantType(JWT_BEARER, async (ctx) => {
  const { client, params } = ctx.oidc;
  const keys = client.metadata().jwks ? createLocalJWKSet(client.metadata().jwks)
    : createRemoteJWKSet(new URL(client.jwksUri));
  const options = { audience: [issuer, `${issuer}/token`], requiredClaims: ['iss', 'sub', 'aud', 'exp'] };
  const { payload } = await jwtVerify(params.assertion ?? '', keys, options).catch((cause) => {
    throw new errors.InvalidGrant(`assertion: ${cause.message}`);
  });
  note(client.clientId, { asserted: payload });
  ctx.body = await tokens(ctx, JWT_BEARER);
}, ['assertion', 'scope']);

provider.registerGrantType(TOKEN_EXCHANGE, async (ctx) => {
  const { params } = ctx.oidc;
  if (params.subject_token_type !== 'urn:ietf:params:oauth:token-type:access_token') {
    throw new errors.InvalidRequest('subject_token_type');
  }
  const subject = await provider.AccessToken.find(params.subject_token ?? '');
  if (!subject) throw new errors.InvalidRequest('subject_token');
  ctx.body = { ...await tokens(ctx, TOKEN_EXCHANGE), issued_token_type: params.subject_token_type };
}, ['subject_token', 'subject_token_type', 'actor_token', 'actor_token_type', 'requested_token_type', 'audience',
  'resource', 'scope'], ['audience', 'resource']);

async function read(req) {
  let content = '';
  for await (const piece of req) content += piece;
  return content ? JSON.parse(content) : {};
}

// The administrator, and the person.
const doors = {
  async client({ metadata, lifetime: seconds }) {
    await provider.Client.adapter.upsert(metadata.client_id, metadata);
    lifetimes.set(metadata.client_id, seconds ?? 3600);
    return { client: Boolean(await provider.Client.find(metadata.client_id)) };
  },
  async lifetime({ client_id: id, seconds }) {
    lifetimes.set(id, seconds);
    return {};
  },
  async nonce({ wanted }) {
    wantsNonce = wanted;
    return {};
  },
  async facts({ client_id: id }) {
    return facts.get(id) ?? [];
  },
  async tokens({ client_id: id, scope, resource, jkt }) {
    const client = await provider.Client.find(id);
    const grantId = await grantOf(id, scope, resource);
    const of = { accountId: ACCOUNT, client, grantId, gty: 'authorization_code', scope };
    const refresh = new provider.RefreshToken({ ...of, resource, jkt, rotations: 0 });
    return { refresh_token: await refresh.save(), access_token: await new provider.AccessToken(of).save() };
  },
  async device({ user_code: code, verdict }) {
    const device = await provider.DeviceCode.findByUserCode(code.replace(/[^A-Za-z0-9]/g, '').toUpperCase());
    if (!device) return { found: false };
    if (verdict === 'deny') {
      Object.assign(device, { error: 'access_denied', errorDescription: 'denied' });
    } else {
      const scope = device.params.scope ?? '';
      const grantId = await grantOf(device.clientId, scope, device.params.resource);
      Object.assign(device, { accountId: ACCOUNT, grantId, scope, claims: {}, authTime: Math.floor(Date.now() / 1000) });
      device.resource = device.params.resource;
    }
    await device.save();
    return { found: true };
  },
};

provider.use(async (ctx, next) => {
  const [, root, door, uid] = ctx.path.split('/');
  if (root === 'test' && door === 'approve') {
    const details = await provider.interactionDetails(ctx.req, ctx.res);
    const grantId = details.grantId ?? await grantOf(details.params.client_id, 'read write', details.params.resource);
    const result = { login: { accountId: ACCOUNT }, consent: { grantId } };
    ctx.redirect(await provider.interactionResult(ctx.req, ctx.res, result));
    note(details.params.client_id, { approved: uid === details.uid });
  } else if (root === 'test' && doors[door]) {
    ctx.body = await doors[door](await read(ctx.req));
  } else if (root === 'api') {
    await api(ctx);
  } else {
    await next();
  }
});

async function api(ctx) {
  const [scheme, value = ''] = (ctx.get('authorization') ?? '').split(' ');
  const token = await provider.AccessToken.find(value) ?? await provider.ClientCredentials.find(value);
  const bound = token?.['x5t#S256'];
  const pem = certificate(ctx);
  if (!token?.isValid || scheme.toLowerCase() !== (token.jkt ? 'dpop' : 'bearer')
    || (bound && (!pem || thumbprint(pem) !== bound))) {
    ctx.status = 401;
    ctx.set('www-authenticate', 'Bearer error="invalid_token"');
    ctx.body = { error: 'invalid_token' };
    return;
  }
  note(token.clientId, { called: ctx.path });
  ctx.body = { client: token.clientId, account: token.accountId ?? null, scope: token.scope ?? null, bound: Boolean(bound) };
}

const file = (name) => readFileSync(`${folder}/${name}`);
const server = folder
  ? https.createServer({
    cert: file('cert.pem'), key: file('key.pem'), ca: file('ca.pem'), requestCert: true, rejectUnauthorized: false,
  }, provider.callback())
  : http.createServer(provider.callback());
server.listen({ fd: Number(fd) }, () => console.log('ready'));
// Whoever started it holds its standard input: it ends with them.
process.stdin.on('end', () => process.exit(0)).resume();
