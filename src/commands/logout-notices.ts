import type { GatewayConfig } from '../config/gateway-config.ts'

/** Where providers tell of sign-outs elsewhere: what an operator registers there, one address each for all providers. */
export function logoutNotices({ publicUrl }: GatewayConfig): {
  readonly backchannel: string
  readonly frontchannel: string
} {
  return {
    backchannel: `${publicUrl.origin}/oauth2/backchannel-logout`,
    frontchannel: `${publicUrl.origin}/oauth2/frontchannel-logout`,
  }
}
