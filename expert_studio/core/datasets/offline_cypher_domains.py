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
NUMBERS = _listed(
    "score~score rank~small size~mid level~small weight~mid points~mid age~age year~year "
    "height~mid priority~small visits~mid units~small budget~big distance~mid cost~mid "
    "stock~mid width~mid volume~mid votes~big risk~score"
)
CATEGORIES = _listed(
    "status=new/active/closed color=red/green/blue region=north/south/east "
    "category=alpha/beta/gamma kind=major/minor/other phase=draft/review/final "
    "grade=low/middle/high language=English/French/German source=web/phone/mail "
    "season=spring/summer/winter shape=round/square/flat mode=manual/automatic "
    "quality=poor/fair/good direction=inbound/outbound"
)
FLAGS = _listed(
    "active verified archived public hidden paid enabled approved locked featured urgent "
    "certified remote retired online insured"
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
