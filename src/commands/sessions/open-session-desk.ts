import type { GatewayConfig } from '../../config/gateway-config.ts'
import { adminOrigin } from '../admin-origin.ts'
import { connectAdmin, isGateway } from './admin-session-desk.ts'
import { SessionDeskError, type SessionDesk } from './session-desk.ts'

/**
 * The running gateway of the configuration; else its store, where that outlives the process.
 *
 * @throws SessionDeskError neither can be reached
 */
export async function openSessionDesk(config: GatewayConfig): Promise<SessionDesk> {
  const origin = adminOrigin(config.admin)
  if (await isGateway(origin)) return connectAdmin(origin)
  if (config.session.store === 'memory') {
    throw new SessionDeskError(
      `no gateway answers at ${origin}, and sessions in memory exist in the running gateway only`,
    )
  }
  return (await import('./store-session-desk.ts')).openStore(config)
}
