import type { Setting } from './setting.ts'
import { smtpUrl } from './values.ts'

/** Settings of mail. */
export const MAIL_SETTINGS: readonly Setting[] = [
  {
    env: 'PDS_EMAIL_SMTP_URL',
    description: 'SMTP server for mail',
    default: 'none: mail is written to <data>/mail',
    apply: (text, { options }) => (options.emailSmtpUrl = smtpUrl(text)),
  },
  {
    env: 'PDS_EMAIL_FROM_ADDRESS',
    description: 'sender of mail',
    default: 'noreply@<hostname>',
    apply: (text, { options }) => (options.emailFromAddress = text),
  },
  {
    env: 'PDS_MODERATION_EMAIL_SMTP_URL',
    description: "SMTP server for the operator's mail to owners of accounts",
    default: 'that of other mail',
    apply: (text, { options }) => (options.moderationEmailSmtpUrl = smtpUrl(text)),
  },
  {
    env: 'PDS_MODERATION_EMAIL_ADDRESS',
    description: 'sender of such mail',
    default: 'that of other mail',
    apply: (text, { options }) => (options.moderationEmailAddress = text),
  },
  {
    env: 'PDS_CONTACT_EMAIL_ADDRESS',
    description: 'contact shown by describeServer',
    default: 'none',
    apply: (text, { options }) => (options.contactEmail = text),
  },
]
