import { spawn, spawnSync } from 'node:child_process'
import { existsSync } from 'node:fs'
import { chmod, mkdtemp, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { createBrowser } from '../support/browser-jar.ts'
import { signIn, startOpenIdProvider, type OpenIdProvider } from '../support/openid-provider.ts'
import { pinned, ready } from './servers.ts'
import { TOKEN_CLAIMS, type SignedInGateway } from './signed-in-gateway.ts'

const MODULES = '/usr/lib/apache2/modules'
const LOADED = [
  ...['mpm_event', 'authn_core', 'authz_core', 'authz_user', 'env', 'headers'],
  ...['proxy', 'proxy_http', 'auth_openidc'],
]

/**
 * Apache with mod_auth_openidc and its server-side cache, logged in for real, the access token sent upstream; `undefined`
 * where Debian's packages are not installed.
 */
export async function startSignedInApache(
  port: number,
  upstream: string,
): Promise<SignedInGateway | undefined> {
  if (spawnSync('apache2', ['-v']).error !== undefined) return undefined
  if (!existsSync(join(MODULES, 'mod_auth_openidc.so'))) return undefined
  const origin = `http://127.0.0.1:${port}`
  const provider = await startOpenIdProvider(undefined, {
    accessTokenSeconds: 3_600,
    accessTokenClaims: TOKEN_CLAIMS,
  })
  provider.registerGateway(origin)
  const folder = await mkdtemp(join(tmpdir(), 'bearergate-bench-'))
  await chmod(folder, 0o777) // the workers are another user
  const file = join(folder, 'apache.conf')
  await writeFile(file, configText({ folder, port, upstream, provider }))
  const [command, ...args] = pinned('server', ['apache2', '-DFOREGROUND', '-f', file])
  const child = spawn(command, args, { stdio: 'inherit' })
  const server = await ready('Apache mod_auth_openidc, signed in', port, child)
  const browser = createBrowser()
  const page = await signIn(browser, `${origin}/api/hello`)
  if (page.status !== 200) throw new Error(`the login at Apache ended with ${page.status}`)
  const cookie = [...browser.cookies(origin)].map(([name, value]) => `${name}=${value}`).join('; ')
  await browser.close()
  return { ...server, cookie }
}

interface Plan {
  readonly folder: string
  readonly port: number
  readonly upstream: string
  readonly provider: OpenIdProvider
}

function configText({ folder, port, upstream, provider }: Plan): string {
  return `ServerRoot ${folder}
ServerName 127.0.0.1
Listen 127.0.0.1:${port}
PidFile ${folder}/apache.pid
DefaultRuntimeDir ${folder}
ErrorLog ${folder}/error.log
${LOADED.map((name) => `LoadModule ${name}_module ${MODULES}/mod_${name}.so`).join('\n')}
User www-data
Group www-data
ServerLimit 1
StartServers 1
ThreadsPerChild 64
MaxRequestWorkers 64
KeepAlive On
KeepAliveTimeout 60
MaxKeepAliveRequests 0
LogFormat "%h %t \\"%r\\" %>s %b %D" access
CustomLog /dev/null access
OIDCProviderMetadataURL ${provider.issuer}/.well-known/openid-configuration
OIDCClientID basic
OIDCClientSecret "${provider.secret}"
OIDCProviderTokenEndpointAuth client_secret_basic
OIDCRedirectURI http://127.0.0.1:${port}/oauth2/callback
OIDCCryptoPassphrase 0123456789abcdef0123456789abcdef
OIDCScope "openid profile email offline_access"
OIDCAuthRequestParams resource=${encodeURIComponent(provider.resource)}
OIDCPKCEMethod S256
OIDCSSLValidateServer Off
OIDCSessionType server-cache
OIDCCacheType shm
OIDCPassClaimsAs environment
<Location />
  AuthType openid-connect
  Require valid-user
  RequestHeader set Authorization "Bearer %{OIDC_access_token}e"
  ProxyPass ${upstream}/ keepalive=On max=64
</Location>
<Location /oauth2/callback>
  ProxyPass !
</Location>
`
}
