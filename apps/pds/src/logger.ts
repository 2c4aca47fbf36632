/** Where this server's log lines go; `pino` fits. */
export interface Logger {
  info(data: object, message: string): void
  warn(data: object, message: string): void
  error(data: object, message: string): void
  debug(data: object, message: string): void
}

const nothing = (): void => {}

/** Logs nothing. */
export const SILENT: Logger = { info: nothing, warn: nothing, error: nothing, debug: nothing }
