/** Versions of what repositories say of their accounts (see `migrate` of `@avocet/sqlite`), once both have their tables. */
export const HOSTING_MIGRATIONS: readonly string[] = [
  `
  -- A repository says itself whether it takes writes: that is decided where they land.
  UPDATE repo SET status = (
      SELECT CASE WHEN takedown_ref IS NOT NULL THEN 'takendown' WHEN deactivated_at IS NOT NULL THEN 'deactivated'
        ELSE 'active' END
      FROM account WHERE account.did = repo.did)
    WHERE status <> 'deleted' AND did IN (SELECT did FROM account);
  `,
]
