/** A mail in plain text. */
export interface Mail {
  readonly to: string
  readonly subject: string
  readonly text: string
}

/** Sends mail. */
export interface Mailer {
  /** @throws PdsError `upstream-failed` */
  send(mail: Mail): Promise<void>
}
