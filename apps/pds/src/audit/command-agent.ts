/** The commands of this server name themselves so; https://www.rfc-editor.org/rfc/rfc9110#name-user-agent */
export const COMMAND_AGENT = 'avocet-pds-command'
