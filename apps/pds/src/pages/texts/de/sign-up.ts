import type { SignUpTexts } from '../en/sign-up.ts'

/** A new account. */
export const signUp: SignUpTexts = {
  title: 'Konto anlegen',
  link: 'Konto anlegen',
  name: 'Handle',
  nameHint:
    '3 bis 18 Buchstaben, Ziffern oder Bindestriche. Das ist dein öffentlicher Name, du kannst ihn später ändern.',
  ending: 'Endung des Handles',
  email: 'E-Mail-Adresse',
  emailHint: 'Sie wird niemandem gezeigt. Du brauchst sie, um dein Passwort zurückzusetzen.',
  invite: 'Einladungscode',
  inviteHint: 'Konten gibt es hier nur auf Einladung. Den Code hat, wer dich eingeladen hat.',
  agree: 'Ich habe diese Dokumente gelesen und stimme ihnen zu:',
  submit: 'Konto anlegen',
  haveOne: 'Ich habe ein Konto',
  nameInvalid: 'Dieser Handle geht nicht. Er hat 3 bis 18 Buchstaben, Ziffern oder Bindestriche.',
  nameTaken: 'Dieser Handle ist vergeben. Wähle einen anderen.',
  emailInvalid: 'Diese E-Mail-Adresse geht nicht.',
  emailTaken: 'Es gibt ein Konto mit dieser E-Mail-Adresse. Melde dich an, oder setze sein Passwort zurück.',
  passwordInvalid: 'Dieses Passwort geht nicht. Es hat höchstens 256 Zeichen.',
  inviteInvalid: 'Dieser Einladungscode gilt nicht oder wurde schon benutzt.',
  termsMissing: 'Für ein Konto musst du diesen Dokumenten zustimmen.',
}
