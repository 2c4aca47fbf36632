import type { Setting } from './setting.ts'
import { colour, httpUrl, httpsUrl, list } from './values.ts'

/** Settings of the pages on which owners sign in. */
export const PAGE_SETTINGS: readonly Setting[] = [
  {
    env: 'PDS_SERVICE_NAME',
    description: 'name of this service on its pages',
    default: '<hostname>',
    apply: (text, { options }) => (options.serviceName = text.trim()),
  },
  {
    env: 'PDS_LOGO_URL',
    description: 'https URL of a picture beside the name',
    default: 'none',
    apply: (text, { options }) => (options.logoUrl = httpsUrl(text)),
  },
  {
    env: 'PDS_HOME_URL',
    description: 'link at the foot of the pages',
    default: 'none',
    apply: (text, { options }) => (options.homeUrl = httpUrl(text)),
  },
  {
    env: 'PDS_SUPPORT_URL',
    description: 'link to help at the foot of the pages',
    default: 'none',
    apply: (text, { options }) => (options.supportUrl = httpUrl(text)),
  },
  {
    env: 'PDS_PRIMARY_COLOR',
    description: 'colour of buttons on the pages, as #rrggbb',
    default: '#1d5fd1',
    apply: (text, { options }) => (options.primaryColor = colour(text)),
  },
  {
    env: 'PDS_ERROR_COLOR',
    description: 'colour of what went wrong there',
    default: '#b3261e',
    apply: (text, { options }) => (options.errorColor = colour(text)),
  },
  {
    env: 'PDS_WARNING_COLOR',
    description: 'colour of what to be careful with there',
    default: '#8a5300',
    apply: (text, { options }) => (options.warningColor = colour(text)),
  },
  {
    env: 'PDS_OAUTH_TRUSTED_CLIENTS',
    description: 'client ids of apps that are shown by their names and stay signed in long, comma-separated',
    default: 'none',
    apply: (text, { options }) => (options.trustedClients = list(text).map(httpsUrl)),
  },
]
