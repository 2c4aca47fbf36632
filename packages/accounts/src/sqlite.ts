export {
  ACCOUNT_SCHEMA,
  openAccountStore,
  readAccounts,
  type SqliteAccountOptions,
  type SqliteAccountStore,
} from './sqlite-store.ts'
