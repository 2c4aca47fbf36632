/**
 * Names that belong to somebody the world knows: whoever had one under a service domain would be taken for them. They use
 * their own domain, or get the name from the operator. Written as first labels of handles are: letters, digits, hyphens.
 */
const NAMES: Readonly<Record<string, string>> = {
  network: `atproto atprotocol atproto-com at-protocol at-proto bluesky blueskyweb blueskysocial bluesky-social blueskyteam
    blueskysupport blueskyhelp blueskysafety blueskymoderation bluesky-support bluesky-team bskyapp bsky-app bskysocial bskyteam
    bskysupport bsky-support skyline skywatch blacksky northsky eurosky graysky tangled whitewind frontpage smokesignal leaflet
    streamplace bridgy fediverse activitypub mastodon misskey pixelfed lemmy nostr threads
    tumblr did-plc plc-directory lexicons firehose jetstream labeler labelers feedgen appview`,
  technology: `google alphabet gmail android chrome youtube apple iphone icloud appstore microsoft windows xbox azure outlook
    linkedin bing skype amazon aws alexa kindle twitch meta facebook instagram whatsapp messenger oculus twitter xcorp
    tiktok bytedance snapchat snap pinterest reddit discord telegram slack zoom quora medium substack
    wordpress wikipedia wikimedia wiktionary wikidata github gitlab gitea codeberg bitbucket sourceforge
    stackoverflow stackexchange npmjs nodejs rustlang golang linux linuxfoundation kernel debian ubuntu canonical fedora
    redhat archlinux opensuse freebsd openbsd mozilla firefox thunderbird torproject duckduckgo vivaldi
    eff fsf gnu apache docker kubernetes cloudflare fastly akamai digitalocean hetzner linode vercel netlify heroku
    oracle ibm intel amd nvidia qualcomm tsmc samsung sony playstation nintendo huawei xiaomi lenovo dell
    asus acer hewlettpackard cisco vmware salesforce adobe photoshop autodesk sap siemens bosch philips nokia ericsson
    motorola dropbox box evernote notion figma canva trello asana atlassian jira zendesk shopify etsy ebay alibaba
    aliexpress baidu tencent wechat weibo douyin yandex vkontakte kakao naver rakuten spotify soundcloud bandcamp deezer
    tidal netflix hulu disneyplus hbo hbomax paramount peacock crunchyroll vimeo dailymotion rumble patreon kickstarter gofundme
    indiegogo onlyfans tinder bumble grindr airbnb booking expedia tripadvisor uber lyft doordash deliveroo grubhub waymo
    tesla spacex starlink neuralink palantir openai chatgpt anthropic deepmind gemini copilot midjourney
    stabilityai huggingface mistral perplexity cohere xai grok deepseek roblox minecraft mojang fortnite epicgames valve
     unrealengine ubisoft electronicarts activision blizzard rockstargames riotgames bethesda capcom konami sega bandai
    squareenix letsencrypt haveibeenpwned lastpass bitwarden onepassword protonmail proton tutanota fastmail nordvpn`,
  money: `paypal venmo cashapp zelle stripe revolut monzo klarna afterpay visa mastercard amex americanexpress
      jpmorgan bankofamerica wellsfargo citibank citigroup goldmansachs morganstanley barclays hsbc lloyds natwest
    santander bbva bnpparibas creditsuisse ubs deutschebank commerzbank sparkasse unicredit rabobank nordea
    blackrock vanguard schwab robinhood etrade coinbase binance kraken gemini-exchange bitcoin ethereum tether
    metamask opensea ledger trezor westernunion moneygram nasdaq nyse sandp fitch moodys worldbank imf federalreserve
    ecb bankofengland allianz axa geico statefarm`,
  trade: `walmart target-stores costco kroger tesco sainsburys carrefour lidl aldi ikea homedepot lowes bestbuy
    mcdonalds burgerking wendys subway starbucks dunkin kfc dominos pizzahut chipotle tacobell cocacola pepsi redbull
    nestle unilever procterandgamble colgate loreal nike adidas puma reebok underarmour lululemon levis zara
    uniqlo gucci prada chanel hermes louisvuitton dior versace burberry rolex tiffany cartier sephora toyota
    honda nissan mazda subaru hyundai kia ford chevrolet generalmotors chrysler jeep volkswagen audi porsche bmw
    mercedes mercedesbenz volvo ferrari lamborghini maserati bentley rollsroyce rivian boeing airbus lockheedmartin
    raytheon northropgrumman united-airlines southwest lufthansa airfrance klm britishairways ryanair easyjet emirates
    qantas fedex ups dhl usps royalmail deutschepost maersk exxon exxonmobil chevron shell totalenergies
    pfizer moderna astrazeneca novartis roche bayer merck novonordisk johnsonandjohnson lego mattel hasbro barbie
    disney pixar starwars lucasfilm warnerbros dreamworks dccomics pokemon hellokitty harrypotter
    marriott hilton hyatt verizon att tmobile vodafone telekom comcast xfinity`,
  press: `reuters apnews associatedpress afp bloomberg nytimes newyorktimes washingtonpost wapo wsj wallstreetjournal
    usatoday latimes chicagotribune bostonglobe sfchronicle politico axios thehill vox theverge wired arstechnica
    techcrunch engadget gizmodo mashable theatlantic newyorker economist financialtimes guardian theguardian independent
    telegraph thetimes dailymail thesun bbc bbcnews bbcworld channel4 skynews itv cnn foxnews msnbc
    cnbc abcnews nbcnews cbsnews pbs npr propublica buzzfeed huffpost vice salon motherjones theintercept
    breitbart newsmax oann infowars theonion babylonbee snopes politifact bellingcat aljazeera dwnews deutschewelle
    spiegel derspiegel faz sueddeutsche taz tagesschau zdf ard heise netzpolitik lemonde
    lefigaro liberation mediapart france24 elpais elmundo lavanguardia corriere repubblica lastampa volkskrant
    politiken aftonbladet svt nrk yle dagensnyheter asahi nhk yomiuri mainichi nikkei scmp xinhua globaltimes
     sputnik tass kyivindependent kyivpost haaretz timesofisrael jpost hindustantimes timesofindia ndtv thehindu
     folha oglobo clarin lanacion globeandmail cbc torontostar abcaustralia smh nzherald sciencemagazine
    lancet nejm plos arxiv natgeo nationalgeographic scientificamerican newscientist rollingstone billboard
    pitchfork hollywoodreporter time-magazine newsweek forbes fortune businessinsider people-magazine vogue 
    vanityfair playboy espn theathletic skysports eurosport kicker lequipe marca`,
  states: `whitehouse potus vpotus flotus scotus senate congress statedept pentagon defensedept
    treasury justicedept fbi cia nsa nasa noaa usgs cdc nih fda epa fema irs tsa ice-gov cbp dhs uscis
    secretservice doge usa usagov democrats thedemocrats gop republicans dnc rnc aclu nra
    number10 downingstreet ukgov govuk parliament houseofcommons houseoflords royalfamily buckinghampalace nhs mi5 mi6
    gchq metpolice scotlandyard labour conservatives libdems greenparty reformuk snp europa europeanunion eucommission
    europarl eucouncil nato unitednations un-org unicef unesco unhcr who wto wfp iaea
    interpol europol icc redcross icrc msf amnesty hrw humanrightswatch greenpeace wwf oxfam
    savethechildren bundestag bundesregierung bundeskanzler auswaertigesamt bka bnd cdu csu spd fdp gruene
    dielinke afd elysee assembleenationale matignon quaidorsay palazzochigi quirinale moncloa congreso vatican
    holysee popefrancis popeleo kremlin mfarussia zelensky-ukraine ukraine verkhovnarada knesset idf israel-mfa
    palestine pmoindia narendramodi-pmo planalto canadagov ausgov nzgov esa cern jaxa isro roscosmos`,
  people: `joebiden biden jillbiden donaldtrump realdonaldtrump trump melaniatrump ivankatrump donaldtrumpjr barackobama obama
    michelleobama billclinton hillaryclinton georgewbush georgebush jimmycarter kamalaharris timwalz jdvance mikepence
    nancypelosi chuckschumer mitchmcconnell berniesanders elizabethwarren aoc ilhanomar
    petebuttigieg gavinnewsom rondesantis tedcruz marcorubio lindseygraham nikkihaley rfkjr
    johnroberts keirstarmer rishisunak borisjohnson theresamay davidcameron tonyblair nigelfarage sadiqkhan kingcharles
    princewilliam princeharry meghanmarkle katemiddleton emmanuelmacron macron marinelepen olafscholz scholz
    friedrichmerz angelamerkel merkel robertahabeck annalenabaerbock ursulavonderleyen giorgiameloni pedrosanchez viktororban
    donaldtusk zelensky zelenskyy volodymyrzelensky putin vladimirputin navalny xijinping kimjongun erdogan netanyahu
    narendramodi modi imrankhan bolsonaro javiermilei justintrudeau trudeau markcarney jacindaardern
    anthonyalbanese gretathunberg malala dalailama billgates melindagates stevejobs timcook jeffbezos elonmusk
    markzuckerberg zuckerberg sundarpichai satyanadella samaltman larrypage sergeybrin jackdorsey jaygraber peterthiel
    warrenbuffett larryellison susanwojcicki sherylsandberg linustorvalds timbernerslee edwardsnowden julianassange
    stephenhawking neiltyson neildegrassetyson carlsagan jamesclerkmaxwell alberteinstein einstein nelsonmandela
    martinlutherking mahatmagandhi motherteresa annefrank taylorswift beyonce rihanna ladygaga madonna 
    edsheeran justinbieber arianagrande billieeilish dualipa katyperry selenagomez mileycyrus demilovato lizzo lilnasx
     kanyewest kendricklamar eminem snoopdogg jayz nickiminaj cardib postmalone brunomars harrystyles shakira
    badbunny rosalia theweeknd chappellroan sabrinacarpenter oliviarodrigo lanadelrey lorde coldplay radiohead
    metallica ledzeppelin pinkfloyd thebeatles paulmccartney ringostarr johnlennon rollingstones mickjagger davidbowie
    eltonjohn freddiemercury queenband michaeljackson bobdylan brucespringsteen bts blackpink oprah oprahwinfrey
    ellendegeneres jimmyfallon jimmykimmel stephencolbert johnoliver jonstewart trevornoah sethmeyers conanobrien
    davidletterman joerogan tuckercarlson seanhannity rachelmaddow andersoncooper kimkardashian khloekardashian kyliejenner
    kendalljenner krisjenner tomhanks tomcruise bradpitt angelinajolie leonardodicaprio georgeclooney johnnydepp
    willsmith jenniferaniston jenniferlawrence scarlettjohansson emmawatson emmastone margotrobbie ryanreynolds
    ryangosling chrisevans chrishemsworth robertdowneyjr markhamill harrisonford carriefisher williamshatner georgetakei
    patrickstewart ianmckellen keanureeves morganfreeman merylstreep zendaya timotheechalamet tomholland pedropascal
    dwaynejohnson therock sylvesterstallone stephenking jkrowling neilgaiman margaretatwood
    georgerrmartin michaelmoore stevenspielberg georgelucas quentintarantino christophernolan jamesgunn guillermodeltoro
    mrbeast pewdiepie markiplier logankpaul loganpaul jakepaul kaicenat hasanabi mkbhd cristianoronaldo ronaldo
    lionelmessi messi neymar mbappe kylianmbappe davidbeckham haaland lebronjames lebron stephencurry michaeljordan
    kobebryant shaquilleoneal tombrady patrickmahomes traviskelce serenawilliams rogerfederer rafaelnadal novakdjokovic
    naomiosaka simonebiles usainbolt michaelphelps tigerwoods lewishamilton maxverstappen meganrapinoe muhammadali
    miketyson conormcgregor`,
  sport: `fifa uefa olympics ioc-media paralympics nba wnba nfl mlb nhl mls ncaa ufc wwe nascar formula1 motogp
    wimbledon usopen rolandgarros tourdefrance superbowl worldcup premierleague laliga bundesliga seriea ligue1
    championsleague manchesterunited manutd mancity manchestercity liverpoolfc arsenal chelseafc tottenham realmadrid
    fcbarcelona atleticomadrid fcbayern bayernmunich borussiadortmund bvb psg juventus acmilan inter-milan 
    lakers celtics warriors knicks chicagobulls yankees redsox dodgers chicagocubs cowboys packers patriots steelers
    chiefs eagles-nfl mapleleafs canadiens bruins`,
  learning: `harvard yale princeton stanford mit caltech berkeley ucla columbia cornell upenn nyu oxford cambridge
    ucl imperialcollege ethzurich epfl sorbonne tumuenchen maxplanck fraunhofer smithsonian britishmuseum louvre
    moma metmuseum guggenheim rijksmuseum royalsociety nobelprize britannica libraryofcongress britishlibrary
    internetarchive archiveorg waybackmachine creativecommons khanacademy coursera duolingo tedtalks w3c ietf icann
    iana isoc ieee acm unicode whatwg`,
}

/** First labels that only the operator gives out. */
export const KNOWN_NAMES: ReadonlySet<string> = new Set(
  Object.values(NAMES).flatMap((names) => names.split(/\s+/).filter((name) => name !== '')),
)
