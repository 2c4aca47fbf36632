/** What this server calls. */
export type Service = 'mail' | 'directory' | 'upstream' | 'relay'

/** Told of each call to another service that failed, and of each mail. */
export interface Counts {
  failed(service: Service): void
  mail(sent: boolean): void
}
