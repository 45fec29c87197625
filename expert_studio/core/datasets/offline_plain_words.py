"""Common English words of no list of `offline_words`: what keys and variables may be called.

Few of them come twice in a dataset, so that a model has to copy what stands before it. A fifth
of them are held out there (`offline_words.is_held_out`). Words only.
"""

from __future__ import annotations

from expert_studio.core.datasets.offline_words import words

NOUNS = words(
    """
ability accent access account acid action actor address advice agenda aim air alarm album alert
alliance angle answer apron arch area arm army arrow article ash aspect asset atlas attempt
audience aunt award axis baby badge bag ball band bar barn barrel base basin bay beach beam bean
bear beard beast belt bench bet bike bill bird bishop blade blame block blood board boat body bolt
bond bone boot boss bow bowl box brain brake brass bread break breath brick bride brief broker
brush bug bulb bull bundle burden bureau bush butter cabin cable cage call camp canal candidate
cap cargo cart case cash cast cattle cause cave ceiling cell chain chalk champion channel chapel
charge chart chest chief chip circle claim clause clay clerk client cliff climate cloth cloud club
clue coal coat coin collar colony column comment compass concept concern contact content context
copy core corn corner cottage couch council county couple court cousin cover cow craft crane crate
cream credit crew crime crisis crown cup cure current curve cycle dam damage dance danger data
dealer death decade decision deck decree deer defence delay delta demand dentist desert desire
detail device dial diary diet dinner dirt disc ditch dock doctrine doll dome dose doubt draft
dragon drain drama dream dress drift drink drum duke dust duty dwelling eagle ear earth east echo
edge effect effort egg elbow element elite empire energy engine entrance entry envoy episode era
error essay estate event evidence exam exit export extent eye face fact faith fame fan fare farm
fashion fate fault feast feather feature fence ferry fever field figure file filter finger flag
flame flavour fleet flight flood flour flow flower fluid foam fog folder folk foot force forest
fork form fort forum fossil fox frame fraud friend frost fruit fuel fund fur future galaxy game
gap gas gate gear gene ghost giant girl glass globe glove glue goat gold grace grain grant graph
grass grave gravity grid grip ground group growth guard guilt gulf gun habit hair half hall hammer
hand handle harvest hat hazard head health heap heart heat hedge heel helper hen herd hero hill
hint hobby hole honour hood hook hope horn horse hour house hunger hunt hut ice icon idea image
impact import inch incident index inlet input insect insight instance intent interest island issue
ivory jacket jam jar jaw jet jewel joint joke journey joy juice jump jungle jury justice keel
kernel key kick kid kind king kiss kit knee knife knight knot labour lack lake lamb lamp land lane
lap laser laugh law layer lead leaf league leap leather leg legend lemon lens letter lid life lift
light limb limit line link lion lip liquid list load loan lobby lock log logic loop loss lot luck
lunch lung machine magic maid mango map marble march margin mark market marsh mask master match
mate matter maze meadow meal meaning measure meat media melody memo menu mercy merit mess metal
method mile milk mill mind mine minister minor mist mix mode moment money monk mood moon moral
mouse mouth move mud muscle myth nail nature neck need needle nerve nest net network news night
noise noon north nose notice noun object ocean odds offer oil onion opera orbit organ origin
output oven owl pack pact pain pair palace palm pan panel panic paper parade park parrot part
party pass past path patient patrol pattern pause peace peak pearl pen pencil pepper period phase
phrase picture piece pile pill pine pipe pit pitch plain plan plane planet play plot plug pocket
poet poison pole policy pond pool pose post pot potato pound powder power praise prayer press
pride priest prince print prison prize process promise proof prophet pulse pump punch pupil purse
puzzle queen quest queue quote race rack radio rail rain range rank rate ratio raw ray reach realm
reason record reef reform regime relief remark reply report rescue rest result reward rhythm
ribbon rice rider ridge rifle ring riot risk rival river road robe robot rock rod role roof root
rope rose route row royal rule run rush sack saddle sail saint salad salt sample sand sauce scale
scene scheme scope scout screen script sea seal season seat secret seed segment self sense
sequence series servant session shade shadow shape share shark sheep sheet shell shelter shield
shift ship shirt shock shoe shop shore shot shoulder shower sibling side siege sight sign signal
silk sink site skill skin skirt sky slave sleep slice slide slope smell smile smoke snake snow
soap sock soil soldier soul sound soup south space spark speech speed spell sphere spice spider
spirit split sponge spoon spot spread spring spy square stable stack staff stage stair stake stamp
stand state statue stay steam steel stem step stick stitch stone stool storm stove strand straw
stream strike string strip stroke study style sugar suit summit sun supper supply surface surge
survey swing switch sword symbol syrup tail tale talent talk tank tap tape target task taste tea
teeth temple tempo tent term test text theme theory thread threat throat throne thumb tide tiger
tile timber tin tip toast tone tongue tooth top torch touch tour towel tower toy track trail train
trait trap tray treat tree trend trial tribe trick trip troop trunk trust truth tube tunnel turn
twin type uncle union urge user valley van vault veil vein vessel view vine virtue vision voice
voyage wage wagon waist wait wake walk wall war ward warmth wash water wave wax weapon web wedding
weed wheel whip wind window wine wing winter wire wish wolf wood wool word work world worm worth
wound wrist yard yarn zone
"""
)
OTHERS = words(
    """
accepted added agreed approved arrived attached awarded banned big blocked bold booked borrowed
bought brave bright calm cancelled carried caught charged cheap checked chosen claimed clean clear
cleared close cold cool counted covered crisp crossed cruel cut damaged damp dark dated dear deep
delayed denied dense divided doubled drawn dropped dry dull eager early easy ended enrolled
entered even exported extra failed faint fair fast fatal fierce filled final fit fixed flagged
flat fond forced formal fought free fresh full gained gentle given glad global good grand granted
great gross grown guarded guilty halted handed handy happy hard harsh heavy held high hired hollow
holy honest hot huge human humble idle ignored ill imported inner installed invited joined just
keen kept known landed large last late lazy lean left legal lent lifted likely listed lived loaded
logged lone long loose loud low loyal made mailed main major marked measured merged mild missed
mixed modern moist moved mute named narrow neat needed new next noble normal noted odd offered old
only ordered outer owned packed pale parked passed planned planted played polite poor posted
praised prime printed produced prompt proper proud proved pulled pure pushed quick quiet raised
ranked rapid rare reached real refused rejected removed repaired replied reported rescued returned
rich right rigid ripe rough round rude ruled rural sad safe sailed same sane saved scanned seen
served settled severe shallow shared sharp shipped short shown shut shy sick silent simple single
skipped slim slow smart smooth soft solar sole solid solved sore sorted sour spare spent spoken
stale started stated stayed steady steep stiff still stopped stored strange strict strong stuck
sure sweet swift taken tall tame tart taught tender tested thick thin tidy tied tight tiny tired
told tough tracked trained treated tried true turned ugly unique urgent used usual vague vast
viewed visited vital vivid voted walked wanted warm warned washed watched weak weird wet whole
wide wild wise won worn worthy written wrong young
"""
)
PAIRS = words(
    """
bonus_round budget_line fabric_shop gift_card guest_list height_mark invoice_run mail_bag order_book
page_set plate_rack poem_book port_side score_card start_up stock_list street_art town_hall
trade_fair unit_test village_fair watch_list brief_note empty_slot false_alarm fine_print firm_offer
green_light hidden_cost light_blue local_time ready_made small_print total_loss broke_down grown_up
lost_and_found released_by retired_at updated_by
"""
)
