import type { AppPasswordsTexts, AppsTexts, SessionsTexts } from '../en/access.ts'

/** App passwords of an account. */
export const appPasswords: AppPasswordsTexts = {
  title: 'App-Passwörter',
  what: 'Ein App-Passwort lässt eine App herein, die sich selbst nicht anders anmelden kann. Sie kann in deinem Namen schreiben, aber dein Konto nicht ändern.',
  none: 'Du hast keine App-Passwörter.',
  list: 'Deine App-Passwörter',
  privileged: 'darf private Nachrichten lesen und senden',
  made: (date) => `Angelegt am ${date}`,
  revoke: 'Entfernen',
  revokeOf: (name) => `${name} entfernen`,
  newTitle: 'Ein neues App-Passwort',
  name: 'Name',
  nameHint: 'Damit du es wiedererkennst: der Name der App.',
  privilegedLabel: 'Es darf auch private Nachrichten lesen und senden',
  submit: 'App-Passwort anlegen',
  createdTitle: 'Dein neues App-Passwort',
  once: 'Kopiere es jetzt: Es wird nur dieses eine Mal gezeigt.',
  createdFor: (name) => `Das App-Passwort für ${name}:`,
  back: 'Fertig',
  nameInvalid: (most) => `Ein Name hat 1 bis ${most} Zeichen.`,
  nameTaken: 'Du hast schon ein App-Passwort mit diesem Namen.',
  tooMany: 'Mehr App-Passwörter darf ein Konto nicht haben. Entferne zuerst eines.',
  done: {
    revoked: 'Das App-Passwort wurde entfernt, und was damit angemeldet war, ist abgemeldet.',
  },
}

/** Apps that signed in by themselves. */
export const apps: AppsTexts = {
  title: 'Verbundene Apps',
  what: 'Diese Apps dürfen dein Konto benutzen, weil du es erlaubt hast.',
  none: 'Mit deinem Konto ist keine App verbunden.',
  onDevice: 'Ein Programm auf einem deiner Geräte',
  times: (since, used) => `Erlaubt am ${since}, zuletzt aktiv am ${used}`,
  may: 'Was sie darf',
  remembered:
    'Sie ist gerade nicht angemeldet. Gemerkt ist, was du erlaubt hast, sodass sie nicht noch einmal fragen muss.',
  end: 'Zugriff beenden',
  endOf: (app) => `Zugriff beenden: ${app}`,
  done: { ended: 'Die App hat keinen Zugriff mehr.' },
}

/** Where an account is signed in. */
export const sessions: SessionsTexts = {
  title: 'Geräte',
  browsers: 'Browser',
  browsersWhat: 'Hier bist du auf diesen Seiten angemeldet.',
  thisOne: 'dieser Browser',
  unknown: 'Unbekannter Browser',
  seen: (at, address) => `Zuletzt gesehen am ${at}, von ${address}`,
  seenSomewhere: (at) => `Zuletzt gesehen am ${at}`,
  apps: 'Apps mit Passwort',
  appsWhat: 'Diese Apps haben sich mit deinem Passwort oder einem App-Passwort angemeldet.',
  noApps: 'Keine App ist mit einem Passwort angemeldet.',
  byPassword: 'Mit deinem Passwort',
  byAppPassword: (name) => `Mit dem App-Passwort ${name}`,
  renewed: (at) => `Zuletzt aktiv am ${at}`,
  end: 'Abmelden',
  endOf: (what) => `Abmelden: ${what}`,
  elsewhere: 'Überall sonst',
  elsewhereWhat:
    'Meldet jeden anderen Browser und jede App ab, auch die verbundenen. App-Passwörter bleiben; entferne sie, wo sie aufgeführt sind.',
  endElsewhere: 'Überall sonst abmelden',
  late: 'Eine abgemeldete App kann noch bis zu zwei Stunden weitermachen, bis sie wieder zeigen muss, dass sie angemeldet ist.',
  done: {
    ended: 'Es ist abgemeldet.',
    endedElsewhere: 'Alles andere ist abgemeldet.',
  },
}
