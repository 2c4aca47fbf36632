import type { AccountTexts } from '../en/account.ts'

/** The frame of the pages of an account, and its overview. */
export const account: AccountTexts = {
  pages: 'Seiten deines Kontos',
  signedInAs: 'Angemeldet als',
  otherAccounts: 'Andere Konten',
  prove: {
    title: 'Bist du es?',
    why: 'Jetzt geht es darum, wer dein Konto benutzen kann. Melde dich noch einmal an, um fortzufahren.',
    submit: 'Weiter',
    other: 'Auf andere Weise anmelden',
    again:
      'Deine Anmeldung liegt eine Weile zurück. Es ist nichts geschehen: Melde dich noch einmal an und wiederhole es.',
  },
  problems: {
    unknownForm: 'Dieses Formular ist unbrauchbar. Es ist nichts geschehen.',
    codeWrong: 'Dieser Code stimmt nicht oder wurde schon benutzt.',
    codeExpired: 'Dieser Code ist zu alt. Lass dir einen neuen schicken.',
    tooLong: 'Es hat zu lange gedauert, oder es waren zu viele Versuche. Beginne von vorn.',
    emailInvalid: 'Diese E-Mail-Adresse ist unbrauchbar.',
    emailTaken: 'Ein anderes Konto hat diese E-Mail-Adresse.',
    passwordInvalid: 'Dieses Passwort ist unbrauchbar.',
    handleTaken: 'Dieses Handle ist nicht zu haben.',
    gone: 'Was du gewählt hast, gibt es nicht mehr.',
    directory:
      'Das Verzeichnis der Identitäten ist gerade nicht erreichbar. Versuche es in einigen Minuten noch einmal.',
    busy: 'Dein Konto wird gerade durch eine andere Anfrage geändert. Versuche es noch einmal.',
  },
  overview: {
    title: 'Überblick',
    handle: 'Handle',
    did: 'Kennung (DID)',
    email: 'E-Mail-Adresse',
    noEmail: 'keine',
    confirmed: 'bestätigt',
    unconfirmed: 'noch nicht bestätigt',
    created: 'Konto seit',
    server: 'Dein Server (PDS)',
    storage: 'Dateien',
    used: (used, limit) => (limit === null ? used : `${used} von ${limit}`),
    deactivated: 'Dein Konto ist deaktiviert: Niemand kann es sehen.',
    deletion: (date) => `Es wird am ${date} gelöscht, wenn du es nicht vorher wieder aktivierst.`,
    activate: 'Konto wieder aktivieren',
  },
}
