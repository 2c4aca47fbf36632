/** What an account takes along. */
export const archive = {
  title: 'Export',
  what: 'Everything you wrote is yours. Here you get it as files, which another server, or a program on your computer, can read.',
  repoTitle: 'Your repository',
  repo: 'All your records, signed, in one CAR file.',
  repoButton: 'Download the repository',
  blobsTitle: 'Your files',
  blobs:
    'Images and videos are not in it. This is a list of their addresses, one a line, for a download program. They can be fetched while your account is active.',
  blobsButton: 'Download the list',
  tooMany: 'Too many exports are under way. Try again in a few minutes.',
}
export type ArchiveTexts = Readonly<typeof archive>

/** Turning an account off, and its end. */
export const leaving = {
  title: 'Deactivate or delete',
  pauseTitle: 'Deactivate for a while',
  pause:
    'Nobody can see your account and what you wrote, until you activate it again. Nothing is deleted, and apps cannot use it meanwhile.',
  pauseButton: 'Deactivate the account',
  deactivatedTitle: 'Your account is deactivated',
  deactivated: 'Nobody can see it. Activate it, and everything is as it was.',
  planned: (date: string): string =>
    `It is going to be deleted with everything in it on ${date}. Until then you can take that back.`,
  activateButton: 'Activate the account',
  keepButton: 'Do not delete it, but leave it deactivated',
  deleteTitle: 'Delete for good',
  delete:
    'Your account is deactivated at once, and deleted with everything in it 30 days later. Within these 30 days you can come back here and take it back; you are told by mail before it happens. Export what you want to keep first: nobody can bring it back.',
  deleteSteps: 'First have a code mailed to you. Then type it here.',
  /** @param address where the code goes */
  ask: (address: string): string => `Mail a code to ${address}`,
  code: 'Code from the mail',
  codeHint: 'It works for 15 minutes.',
  deleteButton: 'Delete the account in 30 days',
  notHere: 'Your identity does not lead to this server, so the account cannot be activated here.',
  done: {
    codeSent: 'A code is on its way to you.',
    deactivated: 'Your account is deactivated.',
    activated: 'Your account is active again.',
    planned: 'Your account is deactivated, and is going to be deleted.',
  },
}
export type LeavingTexts = Readonly<typeof leaving>
