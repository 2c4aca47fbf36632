import type { PasskeyTexts } from '../en/passkey.ts'

/** Signing in with passkeys. */
export const passkey: PasskeyTexts = {
  title: 'Mit einem Passkey anmelden',
  link: 'Mit einem Passkey anmelden',
  ask: 'Dein Gerät fragt nach dem Passkey und nach Finger, Gesicht oder seinem Code.',
  use: 'Passkey verwenden',
  instead: 'Mit dem Passwort anmelden',
  needsScript:
    'Passkeys brauchen JavaScript, und das ist in diesem Browser aus. Melde dich mit dem Passwort an.',
  failed: 'Es wurde kein Passkey benutzt. Versuche es noch einmal oder nimm einen anderen Weg.',
  known: 'Dieses Gerät hat schon einen Passkey deines Kontos.',
  wrong: 'Dieser Passkey gilt hier nicht. Nimm einen anderen oder einen anderen Weg.',
}
