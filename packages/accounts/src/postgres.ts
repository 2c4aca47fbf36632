export {
  ACCOUNT_SCHEMA,
  openAccountStore,
  readAccounts,
  type PostgresAccountStore,
} from './postgres-store.ts'
