"""Scenes of daily life: home, town, shops, free time. The notation is explained in `scene`."""

TEXT = """
@ bakery
who=person place=city year=year food=food price=amount day=day
> opened a bakery in {place} in {year}
> bakes {food} every {day}
> [commences~starts] work before sunrise
> sells the {food} for {price} euros
= The bakery is closed on public holidays.
? place: In which city is the bakery?
? year: When did the bakery open?
? price={price} euros: How much does the {food} cost?
? day: On which day does {last} bake {food}?
? who: Who opened the bakery?

@ garden
who=person plant=plant month=month small=small animal=animal
> planted {a:plant} behind the house in {month}
> waters it [on a daily basis~every day]
> waited {small} weeks for the first leaves
> built a fence because {a:animal} kept coming in
= The soil there is dry and full of stones.
? plant={a:plant}: What did {last} plant?
? month: In which month did {last} plant it?
? small={small} weeks: How long did {last} wait for the first leaves?
? animal={a:animal}: What kept coming into the garden?

@ moving
who=person old=city new=city room=room item=item dayof=dayof
> moved from {old} to {new} on {dayof}
> [utilised~used] a rented van for the furniture
> forgot {a:item} in the old {room}
> painted the new {room} before the first night
= The stairs in the new house are very narrow.
? old: Where did {last} live before?
? new: Where did {last} move to?
? dayof: When did {last} move?
? item={a:item}: What did {last} forget in the old {room}?

@ repair_shop
who=person item=item street=street price=amount day=day time=time
> runs a small repair shop at {street}
> mended {a:item} for {price} euros last week
> [is of the opinion~thinks] that most things can be mended
= The shop opens at {time} on {day}. | On {day}, the shop opens at {time}.
? street: Where is the repair shop?
? item={a:item}: What did {last} mend last week?
? price={price} euros: How much did the repair cost?
? time: At what time does the shop open on {day}?

@ birthday
who=person age=age food=food place=building day=day guest=person
> turned {age} last {day}
> celebrated at the {place} with a few friends
> [consumed~ate] {food} with everyone
> danced until midnight
= The best present came from {guest}.
? age: How old is {last} now?
? place=the {place}: Where did {last} celebrate?
? food: What did they eat?
? guest: Who gave {last} the best present?

@ market
who=person food=food price=amount place=city day=day count=count
> has a stall at the market in {place}
> sells about {count} portions of {food} every {day}
> [requires~needs] two helpers in the summer
> charges {price} euros for a large portion
= The market closes early when it rains.
? place: In which city is the market?
? count: How many portions does {last} sell every {day}?
? price={price} euros: How much is a large portion?
? food: What does {last} sell?

@ choir
who=person place=building year=year day=day time=time count=count
> founded a choir in {year}
> conducts the singers in the {place}
> [terminates~ends] each rehearsal with a song from home
= The choir meets every {day} at {time}. | Every {day} at {time}, the choir meets.
= It has {count} members now. | Today the choir counts {count} members.
? year: When was the choir founded?
? day: On which day does the choir meet?
? time: At what time does the choir meet?
? count: How many members does the choir have?
? who: Who founded the choir?

@ lost_pet
who=person animal=pet street=street color=color phone=phone day=day
> lost {a:animal} near {street}
> has been searching since {day}
> [anticipates~expects] a call from a neighbour
= The {animal} wears a {color} collar. | Around its neck the {animal} has a {color} collar.
= Anyone who sees it should call {phone}.
? animal={a:animal}: What did {last} lose?
? street: Where was the {animal} lost?
? color: What colour is the collar?
? phone: Which number should people call?

@ bookshop
who=person title=title author=person price=amount place=city small=small
> bought {title} in a bookshop in {place}
> paid {price} euros for it
> [completed~finished] the book in {small} days
> [resides~lives] next to the shop
= The book was written by {author}. | {author} wrote the book.
? title: Which book did {last} buy?
? author: Who wrote the book?
? price={price} euros: How much did the book cost?
? small={small} days: How long did {last} need to read it?
? place: Where was the book bought?

@ cooking
who=person food=food count=count small=small room=room guest=person
> cooks {food} for {small} guests tonight
> learned the recipe from {guest}
> [attempts~tries] a new recipe every month
= The dish needs {count} grams of flour. | You need {count} grams of flour for the dish.
= The guests are waiting in the {room}.
? food: What is {last} cooking tonight?
? guest: From whom did {last} learn the recipe?
? count={count} grams: How much flour does the dish need?
? room=the {room}: Where are the guests waiting?

@ music_lesson
who=person instrument=instrument teacher=person day=day price=amount small=small
> has been learning the {instrument} for {small} years
> takes a lesson with {teacher} every {day}
> [possesses~has] an old instrument from a flea market
= One lesson costs {price} euros. | The price of a lesson is {price} euros.
? instrument=the {instrument}: Which instrument is {last} learning?
? teacher: Who teaches {last}?
? day: On which day is the lesson?
? price={price} euros: What does one lesson cost?
? small={small} years: How long has {last} been learning?

@ picnic
who=person place=building food=food day=day time=time item=item
> invited the neighbours to a picnic behind the {place}
> brought {food} and {a:item}
> [departed~left] when it began to rain
= The picnic started at {time} on {day}. | On {day} at {time}, the picnic began.
? place=the {place}: Behind which building was the picnic?
? food: What food did {last} bring?
? time: At what time did the picnic start?
? day: On which day was the picnic?

@ flea_market
who=person item=item color=color price=amount place=city other=item
> found a {color} {item} at a flea market in {place}
> wanted to pay only half of the price
> [subsequently~later] sold it to a friend
= The {item} cost {price} euros. | The price of the {item} was {price} euros.
= There was also {a:other} on the same table.
? place: In which city was the flea market?
? color: What colour is the {item}?
? price={price} euros: How much did the {item} cost?
? other={a:other}: What else was on the table?

@ neighbours
who=person job=job street=street year=year instrument=instrument other=person
> lives at {street}
> works as {a:job}
> plays the {instrument} in the evening
> [constructed~built] a tree house for the children
= {other} has lived next door since {year}. | Since {year}, {other} has lived next door.
? street: Where does {last} live?
? job={a:job}: What does {last} do for a living?
? instrument=the {instrument}: What does {last} play in the evening?
? other: Who lives next door?
? year: Since when has {other} lived next door?

@ swimming
who=person small=small place=city day=day count=count coach=person
> swims {count} lanes every {day}
> trains with {coach} in {place}
> won {small} medals last summer
> [endeavours~tries] to rest at the weekend
= The water in the pool is rather cold.
? count={count} lanes: How far does {last} swim every {day}?
? coach: Who trains with {last}?
? place: In which city does {last} train?
? small={small} medals: How many medals did {last} win?

@ newspaper_round
who=person street=street time=time price=amount vehicle=vehicle
> delivers newspapers in {street}
> gets up at {time}
> earns {price} euros a week
> [purchased~bought] a new raincoat for bad days
= The papers come by {vehicle}. | A {vehicle} brings the papers.
? time: At what time does {last} get up?
? street: Where does {last} deliver newspapers?
? price={price} euros: How much does {last} earn a week?

@ old_house !
who=person street=street year=year room=room price=count color=color
> inherited an old house at {street}
> found a box of letters in the {room}
> [commenced~started] the repairs at once
> will need {price} days for the repairs
= The house was built in {year}. | In {year}, the house was built.
= The front door is {color}. | It has a {color} front door.
? street: Where is the house?
? year: When was the house built?
? room=in the {room}: Where did {last} find the letters?
? color: What colour is the front door?
? price={price} days: How long will the repairs take?

@ cat_show !
who=person animal=pet place=city day=day small=small judge=person
> took {a:animal} to a show in {place}
> got {small} points from the judge
> [purchased~bought] a new ribbon first
> drove home late on {day}
= The judge was {judge}. | {judge} was the judge.
? animal={a:animal}: Which animal did {last} take to the show?
? place: In which city was the show?
? small={small} points: How many points did {last} get?
? judge: Who was the judge?

@ allotment !
who=person plant=plant count=count month=month street=street food=food
> rents an allotment near {street}
> pulled out an old {plant}
> harvested {count} kilos of potatoes in {month}
> [donated~gave] some of them to a soup kitchen
= The neighbours cook {food} from the rest. | From the rest, the neighbours cook {food}.
? count={count} kilos: How many potatoes did {last} harvest?
? month: In which month was the harvest?
? street: Where is the allotment?
? food: What do the neighbours cook?
"""
