export const SIGNED_OUT = {
  title: 'You are signed out',
  paragraphs: ['You can close this window now.'],
  icon: 'check',
  signIn: 'Sign in again',
} as const

export const CONFIRM_SIGN_OUT = {
  title: 'Do you want to sign out?',
  paragraphs: ['Unsaved work in other tabs may be lost.'],
  icon: 'door',
  signOut: 'Sign out',
  stay: 'Stay signed in',
} as const

/** Seen for a moment on the way back, when the session cookie is strict. */
export const SIGNED_IN = {
  title: 'You are signed in',
  paragraphs: ['One moment, you are being taken to your page.'],
  icon: 'check',
  goOn: 'Continue',
} as const
