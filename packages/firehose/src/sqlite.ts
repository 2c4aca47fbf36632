export { openState } from './sqlite-state.ts'
