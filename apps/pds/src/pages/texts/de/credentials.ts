import type { EmailTexts, HandleTexts, PasswordTexts } from '../en/credentials.ts'

/** The e-mail address of an account. */
export const email: EmailTexts = {
  title: 'E-Mail',
  present: 'Deine Adresse',
  none: 'Dein Konto hat keine E-Mail-Adresse. Ohne sie kannst du ein vergessenes Passwort nicht zurücksetzen.',
  confirmed: 'Sie ist bestätigt.',
  unconfirmed: 'Sie ist noch nicht bestätigt.',
  confirmTitle: 'Adresse bestätigen',
  ask: (address) => `Code an ${address} schicken`,
  code: 'Code aus der E-Mail',
  codeHint: 'Er gilt 15 Minuten.',
  confirm: 'Bestätigen',
  changeTitle: 'Adresse ändern',
  twoSteps:
    'Lass dir zuerst einen Code an deine jetzige Adresse schicken. Gib ihn dann hier zusammen mit der neuen Adresse ein.',
  newAddress: 'Neue Adresse',
  change: 'Adresse ändern',
  same: 'Das ist die Adresse, die du schon hast.',
  done: {
    codeSent: 'Ein Code ist an dich unterwegs.',
    confirmed: 'Deine Adresse ist bestätigt.',
    changed: 'Deine Adresse wurde geändert. Bestätige als Nächstes die neue.',
  },
}

/** The password of an account. */
export const password: PasswordTexts = {
  title: 'Passwort',
  ends: 'Ein neues Passwort beendet jede andere Anmeldung: von Browsern, von Apps und von Apps mit App-Passwort. Die App-Passwörter selbst bleiben.',
  new: 'Neues Passwort',
  again: 'Dasselbe noch einmal',
  hint: (least) => `Mindestens ${least} Zeichen, am besten von einem Passwortmanager gewählt.`,
  submit: 'Passwort ändern',
  tooShort: (least) => `Das Passwort braucht mindestens ${least} Zeichen.`,
  tooLong: (most) => `Das Passwort darf höchstens ${most} Zeichen haben.`,
  differ: 'Die beiden Passwörter sind nicht gleich.',
  done: { changed: 'Dein Passwort wurde geändert, und jede andere Anmeldung wurde beendet.' },
}

/** The handle of an account. */
export const handle: HandleTexts = {
  title: 'Handle',
  present: 'Dein Handle',
  none: 'Dein Konto hat gerade kein Handle: Wähle eines.',
  keeps:
    'Beiträge, Follower und alles andere bleiben: Sie gehören zu deiner Kennung, nicht zu deinem Handle.',
  localTitle: 'Ein Name dieses Servers',
  name: 'Name',
  domain: 'Endung',
  nameHint: '3 bis 18 Buchstaben, Ziffern und Bindestriche.',
  ownTitle: 'Eine eigene Domain',
  ownSteps: 'Zeige auf eine dieser beiden Arten, dass die Domain dir gehört. Gib sie dann unten ein.',
  dns: 'Lege bei deinem DNS-Anbieter einen TXT-Eintrag an:',
  dnsName: 'Name',
  dnsValue: 'Wert',
  file: 'Oder lege auf die Website der Domain eine Textdatei, in der nichts als deine Kennung steht:',
  fileUrl: 'Adresse der Datei',
  fileText: 'Inhalt',
  own: 'Deine Domain',
  ownHint: 'Zum Beispiel name.com, ohne https://',
  submit: 'Dieses Handle verwenden',
  check: 'Prüfen und dieses Handle verwenden',
  invalid: 'Dieses Handle ist hier nicht zu gebrauchen.',
  notPointing:
    'Diese Domain führt noch nicht zu deiner Kennung. Bis jeder einen DNS-Eintrag sieht, können einige Minuten vergehen: Prüfe, was du dort eingetragen hast, und versuche es noch einmal.',
  notNamed: 'Deine Kennung können wir nicht ändern: Lass zuerst ihr Dokument das Handle nennen.',
  done: { changed: 'Dein Handle wurde geändert.' },
}
