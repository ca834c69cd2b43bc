// The architecture, checked: imports go down only, rooms on one floor do not see each other, and
// only the roof reads configuration (docs/architecture.md).
const ROOF = '^src/([a-z-]+\\.ts|commands/|config/|telemetry/|server/|workers/|demo/)'

/** A rule: files of `room` may import of ours only `rooms`. */
function sees(room, rooms) {
  const allowed = rooms.map((name) => `^src/${name}/`).join('|')
  return {
    name: `${room}-sees-only-${rooms.join('-')}`,
    severity: 'error',
    from: { path: `^src/${room}/` },
    to: { path: '^src/', pathNot: allowed },
  }
}

/** A rule: the library is spoken to in one place. */
function library(names, at) {
  return {
    name: `${names[0].replace(/[^a-z-]/g, '')}-in-one-place`,
    severity: 'error',
    from: { path: '^src/', pathNot: `${at}|^src/demo/` },
    to: { path: `^node_modules/(${names.join('|')})/` },
  }
}

module.exports = {
  forbidden: [
    sees('domain', ['domain']),
    sees('oidc', ['domain', 'oidc']),
    sees('session-store', ['domain', 'session-store']),
    sees('http', ['domain', 'oidc', 'session-store', 'http']),
    sees('endpoints', ['domain', 'oidc', 'session-store', 'http', 'endpoints']),
    sees('server', ['domain', 'http', 'server']),
    sees('proxy', ['domain', 'oidc', 'session-store', 'http', 'proxy']),
    {
      name: 'domain-is-pure',
      comment: 'No framework, no network, no clock: plain functions and node:crypto-like builtins.',
      severity: 'error',
      from: { path: '^src/domain/' },
      to: { dependencyTypes: ['npm', 'npm-dev', 'npm-optional', 'npm-peer', 'npm-no-pkg'] },
    },
    {
      name: 'domain-uses-pure-builtins-only',
      severity: 'error',
      from: { path: '^src/domain/' },
      to: { dependencyTypes: ['core'], pathNot: '^(node:)?(crypto|net|buffer|util|url)$' },
    },
    {
      name: 'only-the-roof-reads-configuration',
      severity: 'error',
      from: { path: '^src/', pathNot: ROOF },
      to: { path: '^src/config/' },
    },
    {
      name: 'nothing-imports-the-commands',
      severity: 'error',
      from: { path: '^src/', pathNot: '^src/(main\\.ts|commands/)' },
      to: { path: '^src/(main\\.ts|commands/)' },
    },
    library(['openid-client', 'oauth4webapi', 'jose'], '^src/oidc/'),
    library(['@fastify/secure-session'], '^src/http/'),
    library(['@fastify/http-proxy'], '^src/proxy/'),
    library(['pino', 'prom-client'], '^src/telemetry/'),
    library(['yaml', 'typebox'], '^src/config/'),
    {
      name: 'no-cycles',
      severity: 'error',
      from: {},
      to: { circular: true },
    },
    {
      name: 'source-never-imports-tests',
      severity: 'error',
      from: { path: '^src/' },
      to: { path: '^test/' },
    },
    {
      name: 'development-packages-only-in-the-demo',
      severity: 'error',
      from: { path: '^src/', pathNot: '^src/demo/' },
      to: {
        dependencyTypes: ['npm-dev'],
        dependencyTypesNot: ['type-only'],
        pathNot: '^node_modules/typebox/', // lends its types alone, which the parser does not tell
      },
    },
    {
      name: 'everything-resolves',
      severity: 'error',
      from: {},
      to: { couldNotResolve: true },
    },
  ],
  options: {
    parser: 'swc', // the default parser misses dynamic import() and needs TypeScript < 7
    doNotFollow: { path: 'node_modules' },
    tsPreCompilationDeps: true,
    enhancedResolveOptions: {
      exportsFields: ['exports'],
      conditionNames: ['import', 'node', 'default', 'types'],
      extensions: ['.ts', '.js', '.mjs', '.cjs', '.json'],
    },
  },
}
