import type { Dialect } from './oauth-schema.ts'

/**
 * Versions of the tables of the operator's page (see `migrate` of either database): who is signed in there, and what guards it. Times
 * are ms since 1970. @param bytes the type of bytes
 */
export function operatorMigrations({ text, integer, end }: Dialect, bytes: string): readonly string[] {
  return [
    `
    -- id: SHA-256 of the cookie. mark: what let the operator in, under a key of the server.
    CREATE TABLE operator_session (
      id ${text} PRIMARY KEY,
      mark ${text} NOT NULL,
      address ${text},
      user_agent ${text},
      created_at ${integer} NOT NULL,
      seen_at ${integer} NOT NULL,
      expires_at ${integer} NOT NULL
    )${end};

    -- state: active, or pending until a code was shown. secret is sealed. counter: the step used last.
    CREATE TABLE operator_factor (
      state ${text} PRIMARY KEY,
      id ${text} NOT NULL,
      secret ${bytes} NOT NULL,
      counter ${integer} NOT NULL,
      created_at ${integer} NOT NULL,
      last_used_at ${integer}
    )${end};

    CREATE TABLE operator_recovery_code (
      hash ${text} PRIMARY KEY
    )${end};
    `,
  ]
}
