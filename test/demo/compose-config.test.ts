import { randomBytes } from 'node:crypto'
import { readFileSync } from 'node:fs'
import t from 'tap'
import { loadConfig } from '../../src/config/load-config.ts'

const ENV = {
  OIDC_CLIENT_SECRET: 'a secret of the test',
  SESSION_SECRET: randomBytes(32).toString('base64'),
}

t.test('the configuration of docker-compose.yml loads, with the secrets it names', async (t) => {
  const { config } = loadConfig('config/compose.yaml', ENV)
  t.equal(config.publicUrl.origin, 'http://localhost:8080')
  t.equal(config.routes.length, 5)
})

t.test(
  'docker-compose.yml gives the gateway and the provider the same addresses and secrets',
  async (t) => {
    const compose = readFileSync('docker-compose.yml', 'utf8')
    const { config } = loadConfig('config/compose.yaml', ENV)
    t.match(compose, `ISSUER: ${config.providers[0]?.issuer}`)
    t.match(compose, `GATEWAY_URL: ${config.publicUrl.origin}`)
    t.match(compose, `OIDC_CLIENT_ID: ${config.providers[0]?.clientId}`)
    t.match(compose, `RESOURCE: ${config.providers[0]?.resource[0]}`)
    for (const name of Object.keys(ENV)) t.match(compose, `\${${name}:?`)
  },
)
