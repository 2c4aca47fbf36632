/** How a database writes types. */
export interface Dialect {
  readonly text: string
  readonly integer: string
  /** Behind the columns of a table. */
  readonly end: string
}

/**
 * Versions of the tables of sign-ins by apps (see `migrate` of either database). Secrets and codes are kept by their SHA-256; times are
 * seconds since 1970.
 */
export function oauthMigrations({ text, integer, end }: Dialect): readonly string[] {
  return [
    `
    -- client_key, parameters and granted are JSON. code_hash and granted_did are of what is granted.
    CREATE TABLE oauth_request (
      id ${text} PRIMARY KEY,
      client_id ${text} NOT NULL,
      client_key ${text},
      dpop_thumbprint ${text} NOT NULL,
      parameters ${text} NOT NULL,
      counted_for ${text},
      created_at ${integer} NOT NULL,
      expires_at ${integer} NOT NULL,
      device ${text},
      code_hash ${text} UNIQUE,
      granted_did ${text},
      granted ${text}
    )${end};
    CREATE INDEX oauth_request_end ON oauth_request (expires_at);
    CREATE INDEX oauth_request_from ON oauth_request (counted_for, expires_at) WHERE client_key IS NULL;
    CREATE INDEX oauth_request_client ON oauth_request (client_id, expires_at) WHERE client_key IS NOT NULL;
    CREATE INDEX oauth_request_did ON oauth_request (granted_did) WHERE granted_did IS NOT NULL;

    CREATE TABLE oauth_session (
      id ${text} PRIMARY KEY,
      did ${text} NOT NULL REFERENCES account (did) ON DELETE CASCADE,
      client_id ${text} NOT NULL,
      client_key ${text},
      dpop_thumbprint ${text} NOT NULL,
      scope ${text} NOT NULL,
      permissions ${text} NOT NULL,
      code_hash ${text} NOT NULL UNIQUE,
      device ${text},
      created_at ${integer} NOT NULL,
      generation ${integer} NOT NULL,
      refresh_hash ${text},
      refreshed_at ${integer} NOT NULL,
      expires_at ${integer} NOT NULL
    )${end};
    CREATE INDEX oauth_session_did ON oauth_session (did, refreshed_at);
    CREATE INDEX oauth_session_end ON oauth_session (expires_at);

    CREATE TABLE oauth_consent (
      did ${text} NOT NULL REFERENCES account (did) ON DELETE CASCADE,
      client_id ${text} NOT NULL,
      scope ${text} NOT NULL,
      declined ${text} NOT NULL,
      updated_at ${integer} NOT NULL,
      PRIMARY KEY (did, client_id)
    )${end};
    `,
  ]
}
