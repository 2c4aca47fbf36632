/** First labels that nobody gets under a service domain: names of roles and of hosts, which would mislead. */
export const RESERVED_NAMES: ReadonlySet<string> = new Set(
  `about abuse access account accounts acme activate activity admin administrator ads advertising affiliate api app
  appeal apps archive assets atproto auth authentication autoconfig autodiscover backup billing blog board bot broadcasthost
  bsky business cache calendar careers cdn chat client code config connect contact copyright dashboard data db delete demo
  dev developer developers did directory dns docs domain download email employment error events example favicon feed
  feedback feeds files finance firehose forum ftp group groups handle help home host hosting hostmaster http https icon
  identity imap info internal invite is isatap jobs join legal list lists local localdomain localhost log login logout logs
  mail mailer-daemon mail1 mailer maintenance marketing me media message metrics mobile moderation moderator mod mx my
  network news newsletter noc no-reply nobody noreply notifications ns0 ns1 ns2 ns3 oauth official open operator owner page
  pages password payment payments pds plc policy pop pop3 postmaster press prices privacy private profile proxy public
  pulse register relay report reports reserved root rss rules sales sandbox schema search secure security server service
  settings setup sftp shop signin signup sitemap smtp spam ssh ssl ssladmin ssladministrator sslwebmaster staff staging
  starter static stats status store subdomain subscribe support sync sysadmin system team terms test tls trust undefined
  unsubscribe update updates upload user username users verify video web webmaster website well-known wpad www www1 www2
  www3 xrpc you`
    .split(/\s+/)
    .filter((name) => name !== ''),
)
