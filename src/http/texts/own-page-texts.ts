export const CHOOSE_PROVIDER = {
  title: 'How do you want to sign in?',
  paragraphs: ['Choose the place where you have an account.'],
  icon: 'door',
} as const

export const SIGNED_OUT = {
  title: 'You are signed out',
  paragraphs: ['You can close this window now.'],
  icon: 'check',
  signIn: 'Sign in again',
} as const

/** Of a sign-out of several sessions: no redirect could end those of all providers. */
export const SIGNED_OUT_HERE = {
  title: 'You are signed out here',
  paragraphs: [
    'The places where you signed in may still know you. If others use this device, sign out there too.',
  ],
  icon: 'check',
  signOut: 'Sign out:',
  goOn: 'Continue',
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
