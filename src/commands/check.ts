import type { GatewayConfig, ProviderConfig } from '../config/gateway-config.ts'
import { upstreamName, type Route } from '../domain/route.ts'
import { parseArguments, UsageError } from './arguments.ts'
import { checkFile, linesOf, problemsText, type CheckedFile } from './checked-file.ts'
import { EXIT, type CommandIo } from './command-io.ts'
import { configFile, shortName } from './config-file.ts'
import { logoutNotices } from './logout-notices.ts'

const HELP = `Validates a configuration file, without network, and shows what would run.

Usage: bearergate check [FILE] [--json]

  FILE          the configuration, also as --config FILE; default $BEARERGATE_CONFIG, else
                ./bearergate.yaml
  --json        the result as one JSON object on standard output
  -h, --help    this text

Environment variables and files the configuration names are read; what is in them is not shown.

Exit codes: 0 valid, 1 invalid, 2 wrong usage
`

/** Validates a configuration file and tells every problem, or what would run; answers the exit code. */
export async function runCheck(args: readonly string[], io: CommandIo): Promise<number> {
  const { values, positionals } = parseArguments(
    args,
    { config: { type: 'string' }, json: { type: 'boolean' } },
    1,
  )
  if (values.help === true) {
    io.stdout.write(HELP)
    return EXIT.ok
  }
  if (values.config !== undefined && positionals.length > 0) {
    throw new UsageError('the file is given twice')
  }
  const file = configFile(positionals[0] ?? values.config, io)
  const result = checkFile(file, io)
  if (values.json === true)
    io.stdout.write(`${JSON.stringify(jsonOf(result, shortName(file, io)))}\n`)
  else tell(result, shortName(file, io), io)
  return result.config === undefined ? EXIT.failed : EXIT.ok
}

function tell({ config, problems, warnings }: CheckedFile, name: string, io: CommandIo): void {
  if (config === undefined) {
    io.stderr.write(problemsText(problems, name))
    return
  }
  io.stdout.write(`${name} is valid\n\n${summary(config)}\n`)
  if (warnings.length > 0) io.stdout.write(`\nWarnings:\n${linesOf(warnings)}`)
}

function summary(config: GatewayConfig): string {
  const { providers, listen, admin, identity } = config
  const scheme = listen.tls === undefined ? 'http' : 'https'
  const facts = [
    ['public URL', config.publicUrl.origin],
    ['listens on', `${scheme}://${authority(listen)}, admin http://${authority(admin)}`],
    ...providers.flatMap((provider) => providerFacts(provider, config)),
    ...(identity === undefined
      ? []
      : [['signs as', `${identity.issuer}, keys at ${jwksUri(config)}`]]),
  ]
  const routes = [['route', 'access', 'upstream'], ...config.routes.map(routeRow)]
  return `${table(facts)}\n\n${table(routes)}`
}

/** Where upstreams read the keys of signed identities. */
function jwksUri({ publicUrl }: GatewayConfig): string {
  return `${publicUrl.origin}/oauth2/jwks`
}

function providerFacts(provider: ProviderConfig, config: GatewayConfig): string[][] {
  const notices = logoutNotices(config)
  const { name, issuer, redirectUri, postLogoutRedirectUri } = provider
  return [
    ['provider', name === '' ? issuer : `${name}: ${issuer}`],
    ['register', `${redirectUri} (redirect URI)`],
    ['', `${postLogoutRedirectUri} (post-logout redirect URI)`],
    ['', `${notices.backchannel} (back-channel logout URI, where the provider knows it)`],
    ['', `${notices.frontchannel} (front-channel logout URI, likewise)`],
  ]
}

function routeRow(route: Route): string[] {
  return [routeName(route), route.access, upstreamName(route)]
}

function routeName({ id, methods }: Route): string {
  const list = methods?.join(',')
  return list === undefined || id.endsWith(list) ? id : `${id} ${list}`
}

function authority({ host, port }: { readonly host: string; readonly port: number }): string {
  return `${host.includes(':') ? `[${host}]` : host}:${port}`
}

/** Rows with columns under each other. */
function table(rows: readonly (readonly string[])[]): string {
  const widths = (rows[0] ?? []).map((_, column) =>
    Math.max(...rows.map((row) => row[column]?.length ?? 0)),
  )
  return rows
    .map((row) =>
      `  ${row.map((cell, column) => cell.padEnd(widths[column] ?? 0)).join('   ')}`.trimEnd(),
    )
    .join('\n')
}

/** For machines: the same, under names that stay. */
function jsonOf({ config, problems, warnings }: CheckedFile, file: string): object {
  const verdict = { file, valid: config !== undefined, problems, warnings }
  if (config === undefined) return verdict
  const routes = config.routes.map((route) => ({
    id: route.id,
    access: route.access,
    ...(route.methods === undefined ? {} : { methods: route.methods }),
    upstream: upstreamName(route),
  }))
  return {
    ...verdict,
    public_url: config.publicUrl.origin,
    ...providersJson(config),
    ...(config.identity === undefined
      ? {}
      : { identity: { issuer: config.identity.issuer, jwks_uri: jwksUri(config) } }),
    routes,
  }
}

function providersJson(config: GatewayConfig): object {
  const notices = logoutNotices(config)
  const told = config.providers.map(({ name, issuer, redirectUri, postLogoutRedirectUri }) => ({
    name: name === '' ? undefined : name,
    issuer,
    redirect_uri: redirectUri,
    post_logout_redirect_uri: postLogoutRedirectUri,
    backchannel_logout_uri: notices.backchannel,
    frontchannel_logout_uri: notices.frontchannel,
  }))
  const [first] = told
  return first !== undefined && first.name === undefined ? first : { providers: told }
}
