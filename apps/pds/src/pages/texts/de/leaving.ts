import type { ArchiveTexts, LeavingTexts } from '../en/leaving.ts'

/** What an account takes along. */
export const archive: ArchiveTexts = {
  title: 'Export',
  what: 'Alles, was du geschrieben hast, gehört dir. Hier bekommst du es als Dateien, die ein anderer Server oder ein Programm auf deinem Computer lesen kann.',
  repoTitle: 'Dein Repository',
  repo: 'Alle deine Einträge, unterschrieben, in einer CAR-Datei.',
  repoButton: 'Repository herunterladen',
  blobsTitle: 'Deine Dateien',
  blobs:
    'Bilder und Videos sind nicht darin. Das ist eine Liste ihrer Adressen, eine je Zeile, für ein Programm zum Herunterladen. Sie sind abrufbar, solange dein Konto aktiv ist.',
  blobsButton: 'Liste herunterladen',
  tooMany: 'Es laufen zu viele Exporte. Versuche es in einigen Minuten noch einmal.',
}

/** Turning an account off, and its end. */
export const leaving: LeavingTexts = {
  title: 'Deaktivieren oder löschen',
  pauseTitle: 'Für eine Weile deaktivieren',
  pause:
    'Niemand kann dein Konto sehen und was du geschrieben hast, bis du es wieder aktivierst. Gelöscht wird nichts, und Apps können es so lange nicht benutzen.',
  pauseButton: 'Konto deaktivieren',
  deactivatedTitle: 'Dein Konto ist deaktiviert',
  deactivated: 'Niemand kann es sehen. Aktiviere es, und alles ist, wie es war.',
  planned: (date) =>
    `Es wird am ${date} mit allem, was darin ist, gelöscht. Bis dahin kannst du das zurücknehmen.`,
  activateButton: 'Konto aktivieren',
  keepButton: 'Nicht löschen, aber deaktiviert lassen',
  deleteTitle: 'Endgültig löschen',
  delete:
    'Dein Konto wird sofort deaktiviert und 30 Tage später mit allem, was darin ist, gelöscht. In diesen 30 Tagen kannst du hierher zurückkommen und es zurücknehmen; vorher bekommst du noch eine E-Mail. Exportiere erst, was du behalten willst: Niemand kann es zurückbringen.',
  deleteSteps: 'Lass dir zuerst einen Code schicken. Gib ihn dann hier ein.',
  ask: (address) => `Code an ${address} schicken`,
  code: 'Code aus der E-Mail',
  codeHint: 'Er gilt 15 Minuten.',
  deleteButton: 'Konto in 30 Tagen löschen',
  notHere:
    'Deine Identität führt nicht zu diesem Server, deshalb kann das Konto hier nicht aktiviert werden.',
  done: {
    codeSent: 'Ein Code ist an dich unterwegs.',
    deactivated: 'Dein Konto ist deaktiviert.',
    activated: 'Dein Konto ist wieder aktiv.',
    planned: 'Dein Konto ist deaktiviert und wird gelöscht.',
  },
}
