/**
 * How far our clock may be off where nothing is decided by it: a refreshed ID token that is refused
 * takes the rotated refresh token with it, and so the session. Logins keep to the configured tolerance.
 */
export const REFRESH_CLOCK_TOLERANCE_MS = 300_000
