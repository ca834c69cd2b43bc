import { lookup } from 'node:dns/promises'
import { createServer } from 'node:http'
import type { GatewayConfig } from '../../config/gateway-config.ts'
import { createBoundedFetch } from '../../oidc/bounded-fetch.ts'
import { listen, ListenError } from '../../server/listen.ts'
import { adminOrigin } from '../admin-origin.ts'
import { isGateway } from '../sessions/admin-session-desk.ts'
import { connectionFailure } from './connection-failure.ts'
import { failure, ok, skipped, warning, type Examination, type Finding } from './finding.ts'

const ANSWER_WITHIN_MS = 5_000

/** Looks at the addresses of the gateway itself, which need not run yet: only a port that is not to be had is a failure. */
export function addressExamination(config: GatewayConfig): Examination {
  return {
    subject: 'addresses of the gateway',
    async examine(tell) {
      const isRunning = await isGateway(adminOrigin(config.admin))
      tell(
        isRunning
          ? ok('running', `a gateway runs here: ${adminOrigin(config.admin)} answers`)
          : skipped(
              'running',
              `no gateway runs here: ${adminOrigin(config.admin)} does not answer`,
            ),
      )
      const port = isRunning ? undefined : examinePorts(config).then((all) => all.forEach(tell))
      await Promise.all([port, examinePublicUrl(config, isRunning).then(tell)])
    },
  }
}

/** Takes each port for a moment. */
async function examinePorts({ listen: own, admin }: GatewayConfig): Promise<Finding[]> {
  return Promise.all(
    Object.entries({ listen: own, admin }).map(async ([section, { host, port }]) => {
      if (port === 0) return skipped('port', `${section}.port is any that is free`)
      const server = createServer()
      try {
        return ok('port', `${section}: ${await listen(server, host, port)} can be listened on`)
      } catch (cause) {
        if (!(cause instanceof ListenError)) throw cause
        return failure(
          'port',
          cause.message,
          `the gateway would not start: ${section}.host and ${section}.port say where it listens`,
        )
      } finally {
        server.close()
      }
    }),
  )
}

async function examinePublicUrl(
  { publicUrl, listen: { port } }: GatewayConfig,
  isRunning: boolean,
): Promise<Finding> {
  const { origin, hostname } = publicUrl
  const isKnown = await lookup(hostname.replace(/^\[|\]$/g, '')).then(
    () => true,
    () => false,
  )
  if (!isKnown)
    return warning(
      'public_url',
      `the host ${hostname} is unknown here`,
      'give it a DNS entry that leads to the gateway, or correct publicUrl',
    )
  const http = createBoundedFetch({ timeoutMs: ANSWER_WITHIN_MS })
  try {
    const answer = await http.fetch(`${origin}/oauth2/session`)
    const body = await answer.text()
    if (answer.status === 401 && body.includes('"no_session"'))
      return ok('public_url', `${origin} leads to a gateway`)
    return warning(
      'public_url',
      `${origin}/oauth2/session answers ${answer.status}, and not as a gateway does`,
      'does publicUrl lead to the gateway? Whatever stands in front must pass on /oauth2/* and the Host header',
    )
  } catch (cause) {
    const { found } = connectionFailure(cause, { address: 'publicUrl', certificateAuthority: '' })
    const unreached = `${origin} is not reached from here: ${found}`
    if (!isRunning) return skipped('public_url', unreached)
    return warning(
      'public_url',
      unreached,
      `can browsers reach it? The gateway itself listens on port ${port}: something must lead there from publicUrl`,
    )
  } finally {
    await http.close()
  }
}
