/** Signing in with passkeys. */
export const passkey = {
  title: 'Sign in with a passkey',
  /** The button that leads to this page. */
  link: 'Sign in with a passkey',
  ask: 'Your device asks for the passkey, and for your finger, your face or its code.',
  use: 'Use a passkey',
  instead: 'Sign in with the password',
  needsScript: 'Passkeys need JavaScript, which is off in this browser. Sign in with your password.',
  failed: 'No passkey was used. Try again, or take another way.',
  known: 'This device has a passkey of your account already.',
  wrong: 'This passkey is not good here. Take another one, or another way.',
}
export type PasskeyTexts = Readonly<typeof passkey>
