"""Verbs with their forms and with things that are naturally done to.

Held-out verbs ("!") never occur in training rows of the tasks that turn sentences round.
Knows no task.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache

from expert_studio.core.datasets.offline_words import words

_TABLE = """
repair|repairs|repaired|repaired|repairing|kettle,bicycle,clock,roof,fence,radio,washing machine
paint|paints|painted|painted|painting|wall,door,boat,ceiling,fence,shed,gate
write|writes|wrote|written|writing|letter,report,song,poem,speech,recipe
cook|cooks|cooked|cooked|cooking|soup,dinner,stew,rice,pudding,meal
read|reads|read|read|reading|newspaper,contract,manual,poem,message,novel
carry|carries|carried|carried|carrying|suitcase,ladder,box,piano,basket,bag of sand
clean|cleans|cleaned|cleaned|cleaning|kitchen,window,oven,carpet,cellar,car
build|builds|built|built|building|shed,wall,tree house,model ship,bridge,bookcase
open|opens|opened|opened|opening|window,parcel,gate,letter,shop,bottle
close|closes|closed|closed|closing|door,shop,account,window,road,curtain
wash|washes|washed|washed|washing|car,dog,shirt,blanket,window,cup
sell|sells|sold|sold|selling|house,old car,painting,farm,ring,bicycle
buy|buys|bought|bought|buying|house,coat,newspaper,bicycle,tent,ticket
find|finds|found|found|finding|key,wallet,map,ring,coin,lost dog
drive|drives|drove|driven|driving|bus,truck,tractor,taxi,old van,fire engine
break|breaks|broke|broken|breaking|cup,window,vase,plate,record,mirror
choose|chooses|chose|chosen|choosing|colour,winner,menu,hotel,carpet,name
steal|steals|stole|stolen|stealing|wallet,bicycle,painting,car,statue,phone
forget|forgets|forgot|forgotten|forgetting|password,umbrella,birthday,appointment,name,recipe
teach|teaches|taught|taught|teaching|lesson,class,course,younger group,first lesson
catch|catches|caught|caught|catching|thief,fish,ball,mouse,train,butterfly
draw|draws|drew|drawn|drawing|map,portrait,plan,horse,picture,circle
feed|feeds|fed|fed|feeding|cat,baby,horse,parrot,fish,dog
hide|hides|hid|hidden|hiding|key,present,letter,money,cake,diary
sing|sings|sang|sung|singing|song,anthem,ballad,first verse,lullaby
throw|throws|threw|thrown|throwing|ball,stone,party,rope,net
wear|wears|wore|worn|wearing|hat,uniform,coat,ring,costume,scarf
cut|cuts|cut|cut|cutting|cake,grass,rope,hedge,ribbon,bread
move|moves|moved|moved|moving|table,wardrobe,statue,desk,sofa,piano
check|checks|checked|checked|checking|list,brake,invoice,oil level,ticket,door
print|prints|printed|printed|printing|poster,report,photo,ticket,book,map
plan|plans|planned|planned|planning|trip,wedding,garden,journey,meeting,party
cancel|cancels|cancelled|cancelled|cancelling|meeting,order,flight,concert,lesson,match
sign|signs|signed|signed|signing|contract,letter,form,petition,lease,treaty
deliver|delivers|delivered|delivered|delivering|parcel,pizza,letter,speech,newspaper,sofa
measure|measures|measured|measured|measuring|room,window,table,river,garden,field
translate|translates|translated|translated|translating|letter,novel,poem,contract,menu,article
publish|publishes|published|published|publishing|book,report,study,map,newspaper,poem
record|records|recorded|recorded|recording|song,interview,album,meeting,birdsong,message
test|tests|tested|tested|testing|engine,alarm,medicine,bridge,program,rope
collect|collects|collected|collected|collecting|rent,rubbish,parcel,money,evidence,post
water|waters|watered|watered|watering|garden,lawn,plant,rose bush,vegetable bed
photograph|photographs|photographed|photographed|photographing|owl,wedding,bridge,sunset,castle
install|installs|installed|installed|installing|lamp,program,heater,lock,shower,camera
lead|leads|led|led|leading|team,choir,expedition,project,group,strike
sweep|sweeps|swept|swept|sweeping|floor,yard,street,kitchen,cellar,path
order|orders|ordered|ordered|ordering|pizza,book,taxi,new chair,coffee,dessert
follow|follows|followed|followed|following|map,river,recipe,thief,guide,rule
!bake|bakes|baked|baked|baking|cake,loaf,pie,tart,pizza,pretzel
!lock|locks|locked|locked|locking|door,gate,safe,shed,drawer,cellar
!burn|burns|burned|burned|burning|letter,paper,old branch,diary,photograph
!rent|rents|rented|rented|renting|boat,flat,car,hall,garage,cottage
!polish|polishes|polished|polished|polishing|table,silver cup,floor,mirror,shoe
!pack|packs|packed|packed|packing|suitcase,parcel,rucksack,tent,lunch
!explain|explains|explained|explained|explaining|rule,plan,problem,poem,mistake
!review|reviews|reviewed|reviewed|reviewing|film,book,contract,plan,essay
!design|designs|designed|designed|designing|poster,garden,chair,logo,house
!borrow|borrows|borrowed|borrowed|borrowing|book,ladder,pen,bicycle,tent
"""


@dataclass(frozen=True, slots=True)
class Verb:
    """The forms of a verb, and its things without article."""

    base: str
    third: str
    past: str
    participle: str
    progressive: str
    things: tuple[str, ...]


PAST_TIMES = words(
    "yesterday,last week,in the morning,two days ago,last summer,on Monday,before lunch,"
    "after the storm,last night,during the break,on Friday,at noon,in the spring,last year,"
    "after breakfast,before the holidays,in January,at the weekend,three weeks ago,this morning"
)
OFTEN = words(
    "every day,every week,once a month,every Sunday,twice a year,every evening,before work,"
    "on Saturdays,every spring,in the evening,every morning,after school"
)
LATER = words(
    "tomorrow,next week,on Tuesday,next month,after the holidays,in two days,next summer,"
    "before the weekend,on Sunday,next year,in the afternoon,soon"
)
QUALITIES = words(
    "old,new,small,big,strange,simple,expensive,first,second,last,other,famous,special,"
    "beautiful,long,short,plain,large"
)
PLACES = words(
    "in the kitchen,at the station,near the river,in the garden,at home,behind the school,"
    "in the village,at the market,in the office,by the lake,in the old town,at the harbour"
)


@cache
def verbs(held_out: bool) -> tuple[Verb, ...]:
    """The verbs of training, or the held-out ones."""
    found = []
    for line in _TABLE.strip().splitlines():
        if line.startswith("!") == held_out:
            base, third, past, participle, progressive, things = line.removeprefix("!").split("|")
            found.append(Verb(base, third, past, participle, progressive, words(things)))
    return tuple(found)
