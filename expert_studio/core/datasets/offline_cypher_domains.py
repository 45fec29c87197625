"""The words of graph schemas: domains with labels, properties and verbs. Words only.

A line with one bar is a label: name, plural, then its properties: `name:kind of key`,
`name~range`, `name=words`, `name?` for yes or no. A line with two bars is a relationship: ends
and type, third person, plural. The last quarter of each tuple is held out.
"""

from __future__ import annotations


def _listed(text: str) -> tuple[str, ...]:
    return tuple(text.split())


DOMAINS = (
    """Movie movies|title:title released~year rating~score genre=comedy/drama/thriller/horror
    Actor actors|name:person born~year country=Italy/France/Spain/Japan
    Director directors|name:person born~year
    Actor ACTED_IN Movie|acted in|acted in
    Director DIRECTED Movie|directed|directed
    """,
    """Person persons|name:person age~age job=teacher/nurse/baker/engineer
    City cities|name:city population~big country=Norway/Chile/Kenya/India
    Company companies|name:company founded~year employees~big industry=retail/energy/media
    Person LIVES_IN City|lives in|live in
    Person WORKS_FOR Company|works for|work for
    Company BASED_IN City|is based in|are based in
    Person KNOWS Person|knows|know
    """,
    """Customer customers|name:person since~year tier=gold/silver/bronze
    Order orders|number:code total~mid status=open/shipped/cancelled
    Product products|name:item price~mid category=tools/toys/books/garden
    Customer PLACED Order|placed|placed
    Order CONTAINS Product|contains|contain
    Customer REVIEWED Product|reviewed|reviewed
    """,
    """Book books|title:title pages~mid published~year genre=crime/poetry/history
    Author authors|name:person born~year
    Publisher publishers|name:company founded~year
    Author WROTE Book|wrote|wrote
    Publisher PUBLISHED Book|published|published
    """,
    """User users|name:person followers~big verified?
    Post posts|title:title likes~mid topic=travel/food/music/sport
    Tag tags|name:word uses~mid
    User WROTE Post|wrote|wrote
    User FOLLOWS User|follows|follow
    User LIKED Post|liked|liked
    Post HAS_TAG Tag|has|have
    """,
    """Student students|name:person year~small major=physics/law/biology
    Course courses|title:title credits~small level=beginner/advanced
    Teacher teachers|name:person salary~big
    Student ENROLLED_IN Course|is enrolled in|are enrolled in
    Teacher TEACHES Course|teaches|teach
    """,
    """Server servers|name:host cpus~small region=north/south/west
    Service services|name:word port~big language=go/java/python
    Team teams|name:title size~small
    Service RUNS_ON Server|runs on|run on
    Team OWNS Service|owns|own
    Service DEPENDS_ON Service|depends on|depend on
    """,
    """Patient patients|name:person age~age bloodType=A/B/AB
    Doctor doctors|name:person experience~small specialty=surgery/cardiology/oncology
    Drug drugs|name:word dose~mid
    Doctor TREATS Patient|treats|treat
    Patient TAKES Drug|takes|take
    Doctor PRESCRIBED Drug|prescribed|prescribed
    """,
    """Paper papers|title:title year~year citations~mid
    Researcher researchers|name:person hIndex~small field=chemistry/logic/optics
    Journal journals|name:title impact~score
    Researcher PUBLISHED Paper|published|published
    Paper CITES Paper|cites|cite
    Paper APPEARED_IN Journal|appeared in|appeared in
    """,
    """Airport airports|name:city runways~small code:code
    Flight flights|number:code duration~mid status=delayed/boarding/landed
    Airline airlines|name:company fleet~mid
    Flight DEPARTS_FROM Airport|departs from|depart from
    Flight ARRIVES_AT Airport|arrives at|arrive at
    Airline OPERATES Flight|operates|operate
    """,
    """Recipe recipes|name:title minutes~mid cuisine=thai/greek/mexican
    Ingredient ingredients|name:item calories~mid
    Cook cooks|name:person stars~small
    Recipe USES Ingredient|uses|use
    Cook CREATED Recipe|created|created
    """,
    """Player players|name:person goals~small position=keeper/striker/winger
    Club clubs|name:city founded~year league=first/second/third
    Stadium stadiums|name:title capacity~big
    Player PLAYS_FOR Club|plays for|play for
    Club OWNS Stadium|owns|own
    """,
    """Account accounts|number:code balance~big currency=EUR/USD/CHF
    Bank banks|name:company branches~mid
    Client clients|name:person age~age
    Client HOLDS Account|holds|hold
    Bank MANAGES Account|manages|manage
    Account SENT_TO Account|sent money to|sent money to
    """,
    """Song songs|title:title seconds~mid mood=calm/happy/sad
    Artist artists|name:person fans~big
    Album albums|title:title year~year
    Artist RECORDED Song|recorded|recorded
    Album INCLUDES Song|includes|include
    Artist RELEASED Album|released|released
    """,
    """Device devices|serial:code watts~mid type=sensor/camera/switch
    Room rooms|name:code area~mid floor~small
    Building buildings|name:title floors~small
    Device INSTALLED_IN Room|is installed in|are installed in
    Building HAS_ROOM Room|has|have
    Device CONNECTS_TO Device|connects to|connect to
    """,
    """Employee employees|name:person salary~big grade=junior/senior/lead
    Department departments|name:title budget~big
    Project projects|name:title weeks~small priority=low/high/urgent
    Employee BELONGS_TO Department|belongs to|belong to
    Employee WORKS_ON Project|works on|work on
    Employee REPORTS_TO Employee|reports to|report to
    """,
    """Farm farms|name:title hectares~mid
    Animal animals|name:word weight~mid species=cow/goat/sheep
    Farmer farmers|name:person age~age
    Animal LIVES_ON Farm|lives on|live on
    Farmer RUNS Farm|runs|run
    """,
    """Package packages|name:word downloads~big license=MIT/BSD/GPL
    Maintainer maintainers|name:person commits~mid
    Issue issues|title:title comments~small state=open/closed
    Package REQUIRES Package|requires|require
    Maintainer MAINTAINS Package|maintains|maintain
    Issue CONCERNS Package|concerns|concern
    """,
    """Hotel hotels|name:title stars~small city=Oslo/Rome/Lima
    Guest guests|name:person visits~small
    Event events|title:title seats~mid
    Guest STAYED_AT Hotel|stayed at|stayed at
    Hotel HOSTS Event|hosts|host
    Guest ATTENDED Event|attended|attended
    """,
    """Museum museums|name:title visitors~big
    Painting paintings|title:title year~year style=cubism/baroque/realism
    Painter painters|name:person born~year
    Painter PAINTED Painting|painted|painted
    Museum SHOWS Painting|shows|show
    """,
    """Supplier suppliers|name:company rating~score
    Part parts|number:code weight~mid material=steel/glass/wood
    Machine machines|name:word power~mid
    Supplier SUPPLIES Part|supplies|supply
    Part USED_IN Machine|is used in|are used in
    """,
    """Station stations|name:city platforms~small zone=inner/outer
    Line lines|name:word length~mid
    Train trains|number:code seats~mid
    Line STOPS_AT Station|stops at|stop at
    Train SERVES Line|serves|serve
    Station NEXT_TO Station|is next to|are next to
    """,
    """Vessel vessels|name:title tonnage~big flag=Malta/Panama/Greece
    Port ports|name:city depth~small
    Captain captains|name:person years~small
    Vessel DOCKED_AT Port|docked at|docked at
    Captain COMMANDS Vessel|commands|command
    """,
    """Policy policies|number:code premium~mid type=home/car/life
    Agent agents|name:person sales~mid
    Claim claims|number:code amount~big
    Agent SOLD Policy|sold|sold
    Claim FILED_UNDER Policy|is filed under|are filed under
    """,
    """Planet planets|name:word mass~mid climate=icy/dry/wet
    Moon moons|name:word radius~mid
    Mission missions|name:title launched~year
    Moon ORBITS Planet|orbits|orbit
    Mission VISITED Planet|visited|visited
    """,
    """Judge judges|name:person appointed~year
    Trial trials|title:title days~small outcome=guilty/settled/dismissed
    Lawyer lawyers|name:person fee~mid
    Judge PRESIDED_OVER Trial|presided over|presided over
    Lawyer ARGUED Trial|argued|argued
    """,
    """Vineyard vineyards|name:title hectares~mid
    Wine wines|name:title vintage~year grape=merlot/riesling/syrah
    Critic critics|name:person reviews~mid
    Vineyard MAKES Wine|makes|make
    Critic TASTED Wine|tasted|tasted
    """,
    """Volunteer volunteers|name:person hours~mid
    Shelter shelters|name:city capacity~mid
    Dog dogs|name:word age~small breed=beagle/poodle/husky
    Volunteer HELPS_AT Shelter|helps at|help at
    Shelter HOUSES Dog|houses|house
    Volunteer ADOPTED Dog|adopted|adopted
    """,
)
# Properties that any label may have; what values they have is drawn.
NUMBERS = _listed(
    "score rank size level weight points age year height priority visits units budget distance "
    "cost stock width volume votes risk hours miles pages rate rating income rent steps fans "
    "stars trees rooms tasks games words files nodes errors lines items tests plants cars cases "
    "comments references length mass count value total price speed load days months seats doors "
    "wins losses fee salary bonus tax credit limit depth area power heat goals beds floors "
    "calls sales clicks likes views mark minutes delay index shares debt stops "
    "branches copies crew range duration turns trips sources votes profit revenue "
    "average amount years users orders events ships horses schools students members"
)
CATEGORIES = _listed(
    "status color region category kind phase grade language source season shape mode quality "
    "direction type class style genre zone state country group format role stage mood topic "
    "subject field theme brand section position sport material origin owner team "
    "channel method model family shift pattern nature currency theory range "
    "culture system engine audience place area format platform tone title reason"
)
FLAGS = _listed(
    "active verified archived public hidden paid enabled approved locked featured urgent "
    "certified remote retired online insured open closed private shared signed broken free "
    "empty moved added removed listed rented loaded cleaned painted "
    "complete reserved missing used local valid secret"
)
VALUES = _listed(
    "new active closed red green blue north south east alpha beta gamma major minor other draft "
    "review final low middle high web phone mail spring summer round square flat manual poor fair "
    "good fast slow early late light dark warm cold gold silver iron stone wood glass paper wool "
    "royal plain mixed single double left right upper lower inner outer front first second third "
    "junior senior guest staff basic common rare local global urban rural river forest desert "
    "island coast valley music history science travel food sport garden kitchen office market "
    "school church castle bridge tower copper cotton velvet yellow purple orange brown grey "
    "white black winter autumn west central novel poem drama comedy thriller letter journal "
    "broken ready open locked quiet loud sweet bitter narrow wide deep short long heavy soft "
    "public private simple complex modern classic digital analog remote direct daily weekly "
    "monthly yearly large small medium huge tiny bright pale dusty rough smooth liquid solid"
)
LABELS = _listed(
    "account actor agent album animal apple artist author bank basket battle bird block board "
    "book bottle branch bridge building business camera camp cart case castle cell chapter church "
    "city class client cloud club coach code college comment company contract course court crew "
    "crowd customer dance database desk device dinner doctor document door driver edition element "
    "engine event factory family farm farmer field file film flight flower forest friend game "
    "garden gate genre girl group guide hall horse hospital hotel house island item job journal "
    "journey judge keeper king kitchen lake language leader lesson letter library license line "
    "list lord machine magazine manager map market master meal medicine meeting member message "
    "method mill mine model money month moon mother motor mountain movie museum nation network "
    "night node novel nurse object office order owner packet page paper parent park partner "
    "party patient pattern payment person phone picture pilot place plan plant platform player "
    "poem poet point police pool port post present president price prince print prison problem "
    "process product professor program project queen query question race region report request "
    "restaurant review river road robot role room root rule sailor school science screen script "
    "season seat section seller sensor server service ship shop signal singer site sister "
    "soldier song source sport stage star state station step stone store story street student "
    "studio supplier surface system table tag task teacher team temple test theater theory "
    "thing ticket tool tour tower town track trade train tree trip truck trunk uncle union "
    "unit valley vehicle vendor verse version village vote wall watch week wheel window winter "
    "witness word worker writer zone"
)
INVENTED_VERBS = (
    "OWNS|owns|own",
    "USES|uses|use",
    "HELPS|helps|help",
    "LINKED_TO|is linked to|are linked to",
    "PART_OF|is part of|are part of",
    "CREATED|created|created",
    "REFERS_TO|refers to|refer to",
    "SUPPORTS|supports|support",
    "BELONGS_TO|belongs to|belong to",
    "CHECKED|checked|checked",
    "SENT_TO|was sent to|were sent to",
    "FEEDS|feeds|feed",
    "NEEDS|needs|need",
    "WATCHES|watches|watch",
    "CONTROLS|controls|control",
    "FOLLOWS|follows|follow",
    "REPLACED|replaced|replaced",
    "TRUSTS|trusts|trust",
    "FUNDED|funded|funded",
    "LISTED_IN|is listed in|are listed in",
    "MEASURES|measures|measure",
    "BLOCKS|blocks|block",
    "VISITED|visited|visited",
    "STORED_AT|is stored at|are stored at",
    "SHARES|shares|share",
    "REPAIRED|repaired|repaired",
    "INSPECTS|inspects|inspect",
    "ASSIGNED_TO|is assigned to|are assigned to",
    "COVERS|covers|cover",
    "LEADS_TO|leads to|lead to",
)
