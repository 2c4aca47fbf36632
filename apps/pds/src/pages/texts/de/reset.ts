import type { ResetTexts } from '../en/reset.ts'

/** A new password for one that was forgotten. */
export const reset: ResetTexts = {
  title: 'Passwort zurücksetzen',
  link: 'Passwort vergessen?',
  ask: 'Gib die E-Mail-Adresse deines Kontos ein. Du bekommst einen Code, mit dem du ein neues Passwort wählst.',
  email: 'E-Mail-Adresse',
  submitEmail: 'Code per E-Mail schicken',
  haveCode: 'Ich habe einen Code',
  asked:
    'Wenn es ein Konto mit dieser E-Mail-Adresse gibt, ist ein Code unterwegs. Er gilt 15 Minuten. Sieh auch bei der unerwünschten Post nach.',
  code: 'Code aus der E-Mail',
  codeHint: 'Zum Beispiel ABCDE-FGHJK',
  password: 'Neues Passwort',
  passwordHint: (characters) => `Mindestens ${characters} Zeichen.`,
  passwordShort: (characters) => `Das Passwort braucht mindestens ${characters} Zeichen.`,
  ends: 'Wer bei deinem Konto angemeldet ist, wird abgemeldet: auch andere Geräte und Apps.',
  submit: 'Passwort setzen',
  again: 'Noch einen Code schicken',
  doneTitle: 'Dein Passwort wurde geändert',
  done: 'Ab jetzt gilt das neue Passwort. Alle wurden abgemeldet.',
  goOn: 'Anmelden',
  backToSignIn: 'Zurück zur Anmeldung',
  emailInvalid: 'Das ist keine E-Mail-Adresse.',
  codeWrong: 'Dieser Code stimmt nicht oder gilt nicht mehr. Prüfe ihn, oder lass dir einen neuen schicken.',
}
