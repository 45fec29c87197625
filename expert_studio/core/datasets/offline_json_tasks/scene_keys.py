"""What the fields of the scenes are called in JSON; only those a text states plainly."""

from __future__ import annotations

from collections.abc import Mapping
from functools import cache

_TEXT = """
bakery: who=owner place=city year=opened food=product price=price_euros day=baking_day
garden: who=gardener plant=plant month=month small=weeks animal=animal
moving: who=name old=old_city new=new_city item=forgotten dayof=date
repair_shop: who=owner street=address item=repaired_item price=cost_euros time=opens_at
birthday: who=name age=age food=food guest=best_present_from
market: who=seller food=product price=price_euros place=city count=portions
choir: who=founder year=founded day=meeting_day time=meeting_time count=members
lost_pet: who=owner animal=animal street=place color=collar_color phone=phone day=lost_since
bookshop: who=buyer title=title author=author price=price_euros place=city small=days_to_read
cooking: who=cook food=dish count=flour_grams small=guests guest=recipe_from
music_lesson: who=student instrument=instrument teacher=teacher day=day price=lesson_euros
picnic: who=host food=food day=day time=start item=brought_item
flea_market: who=buyer item=item color=color price=price_euros place=city
neighbours: who=name job=job street=address other=neighbour year=neighbour_since
swimming: who=swimmer count=lanes coach=coach place=city small=medals
newspaper_round: who=name street=street time=gets_up_at price=weekly_euros vehicle=papers_come_by
old_house: who=owner street=address year=built color=door_color price=repair_days
cat_show: who=owner animal=animal place=city small=points judge=judge day=day
allotment: who=tenant count=potatoes_kg month=harvest_month street=street food=dish
invoice: vendor=vendor date=date price=total_euros code=invoice_number who=checked_by
new_job: who=name job=job firm=company place=city month=start_month pay=weekly_pay_euros
meeting: who=host day=day time=time code=room topic=topic guest=speaker
delivery: who=customer item=item count=quantity firm=seller date=received code=order_number
factory: firm=company place=city item=product count=daily_output year=built head=manager
restaurant: who=owner place=city food=dish price=price_euros small=tables day=day
taxi: who=driver vehicle=vehicle old=from new=to time=departure price=fare_euros
farm: who=farmer animal=animal count=animal_count place=city small=helpers plant=plant
support_call: who=customer item=product day=day code=ticket agent=agent color=light_color
interview: who=applicant firm=company job=job day=day time=time small=experience_years
building_site: firm=builder building=building place=city year=finish_year count=concrete_tons
printer_shop: who=printer count=posters color=letter_color firm=customer price=price_euros
insurance: who=customer vehicle=vehicle date=damage_date price=repair_euros firm=insurer code=policy
bus_driver: who=driver vehicle=vehicle place=city year=since street=depot small=minutes_to_work
shop_sale: firm=shop item=item percent=discount_percent day=start_day color=color price=price_euros
night_shift: who=guard building=building time=shift_end other=next_guard small=rounds
translation: who=translator title=title language=from_language other=to_language price=pay_euros
car_rental: who=driver color=color vehicle=vehicle place=city small=days price=euros_per_day
warehouse: firm=company item=item count=quantity place=city code=shelf head=key_holder
workshop_course: who=teacher subject=subject day=day street=address price=fee_euros small=places
train_trip: who=traveller old=from new=to time=departure small=changes price=price_euros
hotel: who=guest place=city small=nights dayof=arrival code=booking_code price=euros_per_night
museum: house=museum place=city year=opened count=paintings day=closed_day head=director
student: who=student subject=subject place=city year=started language=language small=exams_per_year
expedition: who=traveller place=country month=month animal=animal count=distance_km
match: who=player sport=sport place=city small=points day=day other=referee
concert: who=musician instrument=instrument building=venue day=day time=start price=ticket_euros
weather: city=city day=rain_day percent=rain_risk_percent count=wind_kmh month=sunny_month
research: who=researcher subject=subject year=published animal=animal place=country count=samples
bridge: firm=builder place=city year=finished count=length_m price=cost_million_euros
mayor: who=mayor place=city year=since percent=vote_percent count=trees_thousand_euros
film: who=director title=title year=started place=country actor=main_actor count=minutes
school_trip: who=teacher building=destination day=day animal=animal_seen time=bus_departure
sailing: who=sailor place=home_port month=month small=weeks animal=animal other=cook
language_class: who=teacher language=language small=students day=day price=book_euros
rescue: who=rescuer animal=animal street=place day=day other=rope_from vehicle=vehicle
prize: who=winner subject=field year=year price=worth_thousand_euros place=country title=book
hiking: who=hiker place=country count=distance_km small=nights item=carried dayof=start
lighthouse: who=keeper place=city count=steps year=ended animal=animal small=hens
fossil: who=finder place=country year=found count=carried_km building=given_to other=named_by
night_train: who=traveller old=from new=to day=day time=arrival food=meal
river: who=observer place=city count=level_cm month=month vehicle=pump_vehicle other=driver
"""


@cache
def keys_of(scene: str) -> Mapping[str, str]:
    """The key of each field of a scene."""
    return _all()[scene]


@cache
def _all() -> Mapping[str, Mapping[str, str]]:
    found = {}
    for line in _TEXT.strip().splitlines():
        name, _, pairs = line.partition(": ")
        found[name] = dict(pair.split("=") for pair in pairs.split())
    return found
