"""Scenes of work and business. The notation is explained in `scene`."""

TEXT = """
@ invoice
vendor=company date=date price=amount code=code who=person
> sent us an invoice on {date}
> [requests~asks for] payment within thirty days
= The invoice number is {code}. | It has the invoice number {code}.
= The total is {price} euros. | {price} euros are due in total.
= {who} in accounting will check it.
? vendor: Which company sent the invoice?
? date: When was the invoice sent?
? price={price} euros: What is the total?
? code: What is the invoice number?
? who: Who will check the invoice?

@ new_job
who=person job=job firm=company place=city month=month pay=count
> starts as {a:job} at {firm} in {month}
> will earn {pay} euros a week
> [resigned from~left] the old company in spring
> looks forward to the first day
= The office is in {place}. | You find the office in {place}.
? firm: At which company does {last} start?
? job={a:job}: What will {last} work as?
? month: In which month does {last} start?
? pay={pay} euros: How much will {last} earn a week?
? place: Where is the office?

@ meeting
who=person day=day time=time code=code topic=subject guest=person
> invites the whole team to a meeting on {day}
> will [commence~start] at {time}
> has booked room {code}
= {guest} will speak about {topic}. | There will be a talk about {topic} by {guest}.
= Coffee is served during the break.
? day: On which day is the meeting?
? time: At what time does the meeting start?
? code: Which room is booked?
? guest: Who will speak about {topic}?

@ delivery
who=person item=item count=count firm=company date=date code=code
> ordered {count} {s:item} from {firm}
> received the parcel on {date}
> [discovered~found] that two of them were broken
= The order number is {code}. | The order has the number {code}.
? count: How many {s:item} did {last} order?
? firm: From which company did {last} order?
? date: When did the parcel arrive?
? code: What is the order number?

@ factory
firm=company place=city item=item count=count year=year head=person
> built a factory in {place} in {year}
> produces {count} {s:item} a day
> [employs~gives work to] people from the whole region
= {head} leads the factory. | The factory is led by {head}.
? place: In which city is the factory?
? year: When was the factory built?
? count={count} {s:item}: How many {s:item} does it produce a day?
? head: Who leads the factory?

@ restaurant
who=person place=city food=food price=amount small=small day=day
> runs a restaurant in {place}
> serves {food} on {day}
> has only {small} tables
> [prohibits~forbids] telephones during dinner
= A plate of {food} costs {price} euros. | For {price} euros you get a plate of {food}.
? place: In which city is the restaurant?
? food: What is served on {day}?
? small={small} tables: How many tables are there?
? price={price} euros: How much is a plate of {food}?

@ taxi
who=person vehicle=vehicle old=city new=city time=time price=amount
> drives {a:vehicle} between {old} and {new}
> leaves at {time} every morning
> [transports~carries] parcels as well as people
= A single ticket costs {price} euros. | The fare is {price} euros for one way.
? time: At what time does {last} leave?
? vehicle={a:vehicle}: What does {last} drive?
? price={price} euros: How much is a single ticket?

@ farm
who=person animal=livestock count=count place=city small=small plant=plant
> keeps {count} {s:animal} on a farm near {place}
> planted {a:plant} beside the barn
> [rises~gets up] before the sun every day
> has {small} helpers at harvest time
= The barn needs a new roof.
? count: How many {s:animal} does {last} keep?
? place: Near which city is the farm?
? small={small} helpers: How many helpers does {last} have at harvest time?
? plant={a:plant}: What did {last} plant beside the barn?

@ support_call
who=person item=device day=day code=code agent=person color=color
> reported a broken {item} on {day}
> [is unable to~cannot] turn it on
> wants the money back
= The ticket number is {code}. | It got the ticket number {code}.
= {agent} answered the call.
= A {color} light blinks all the time.
? day: On which day was the problem reported?
? item={item}: What is broken?
? code: What is the ticket number?
? agent: Who answered the call?
? color: What colour is the light?

@ interview
who=person firm=company job=job day=day time=time small=small
> has an interview at {firm} on {day}
> wants to work there as {a:job}
> has {small} years of experience
> [submitted~sent in] the papers last month
= The interview begins at {time}. | At {time}, the interview begins.
? firm: At which company is the interview?
? day: On which day is the interview?
? job={a:job}: What does {last} want to work as?
? time: When does the interview begin?
? small={small} years: How much experience does {last} have?

@ building_site
firm=company building=building place=city year=year count=count head=person
> is building a {building} in {place}
> will finish the work in {year}
> [requires~needs] {count} tons of concrete
= The chief engineer is {head}. | {head} is the chief engineer.
? building={a:building}: What is being built in {place}?
? year: When will the work be finished?
? count={count} tons: How much concrete is needed?
? head: Who is the chief engineer?

@ printer_shop
who=person price=amount color=color firm=company count=count
> printed {count} posters for {firm}
> chose {color} letters on white paper
> [ascertained~found out] too late that the date was wrong
= The posters cost {price} euros. | They cost {price} euros.
? count={count} posters: How many posters were printed?
? firm: For which company were the posters?
? color: What colour are the letters?
? price={price} euros: How much did the posters cost?

@ insurance
who=person code=code vehicle=vehicle date=date price=amount firm=company
> damaged {a:vehicle} on {date}
> wrote to {firm} the next day
> [requires~needs] an answer before the weekend
= The policy number is {code}. | It is policy number {code}.
= The repair will cost {price} euros.
? date: When was the {vehicle} damaged?
? firm: To which company did {last} write?
? code: What is the policy number?
? price={price} euros: How much will the repair cost?

@ bus_driver
who=person vehicle=vehicle place=city year=year small=small street=street
> has been driving {a:vehicle} in {place} since {year}
> lives {small} minutes from work
> [assists~helps] old people with their bags
= The depot is at {street}. | You find the depot at {street}.
? year: Since when has {last} been driving?
? place: In which city does {last} drive?
? small={small} minutes: How far from work does {last} live?
? street: Where is the depot?

@ shop_sale
firm=company item=item percent=percent day=day price=amount color=color
> starts its sale on {day}
> offers {percent} percent off every {item}
> [retains~keeps] the old price for all other goods
= The {color} {item} now costs {price} euros. | You get the {color} {item} for {price} euros now.
? day: On which day does the sale start?
? percent={percent} percent: How big is the discount?
? price={price} euros: How much is the {color} {item} now?
? firm: Which company has a sale?

@ night_shift
who=person building=building time=time day=day other=person small=small
> guards the {building} at night
> walks around it {small} times
> [encountered~met] a lost tourist on {day}
= The shift ends at {time}. | At {time}, the shift ends.
= {other} takes over in the morning.
? building=the {building}: What does {last} guard?
? small={small} times: How often does {last} walk around it?
? time: When does the shift end?
? other: Who takes over in the morning?

@ translation
who=person language=language title=title price=count month=month other=language
> translated {title} from {language} into {other}
> worked on it until {month}
> earned {price} euros
> [perceived~saw] many mistakes in the first version
= The book has two hundred pages.
? title: Which book did {last} translate?
? language: From which language did {last} translate?
? month: Until which month did the work take?
? price={price} euros: How much did {last} earn?

@ car_rental !
who=person color=color vehicle=vehicle place=city small=small price=amount
> rented a {color} {vehicle} in {place}
> kept it for {small} days
> [assisted~helped] two friends with their bags
= The rental costs {price} euros a day. | One day costs {price} euros.
? color: What colour is the {vehicle}?
? place: Where did {last} rent it?
? small={small} days: How long did {last} keep it?
? price={price} euros: What does it cost a day?

@ warehouse !
firm=company item=item count=count place=city code=code head=person
> stores {count} {s:item} in {place}
> [requires~needs] more room next year
= The shelf has the code {code}. | They are on the shelf with the code {code}.
= {head} has the key. | The key is with {head}.
? count: How many {s:item} are stored in {place}?
? place: Where are the {s:item} stored?
? code: What is the code of the shelf?
? head: Who has the key?

@ workshop_course !
who=person subject=subject day=day street=street price=amount small=small
> teaches a course in {subject}
> accepts {small} people at most
> [terminates~ends] the course with a small party
= The course takes place on {day} at {street}. | On {day}, the course takes place at {street}.
= The fee is {price} euros. | One pays {price} euros for the course.
? subject: In which subject is the course?
? day: On which day is the course?
? street: Where does the course take place?
? price={price} euros: What is the fee?
? small={small} people: How many people can take part at most?
"""
