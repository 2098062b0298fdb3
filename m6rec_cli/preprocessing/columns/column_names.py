"""Usual names of columns, by role; the first that a table has wins.

English, German, French, Spanish, Portuguese, Italian, Chinese and Japanese, as `normalized_name`
writes them.
"""

import re
import unicodedata
from collections.abc import Iterable


def _names(text: str) -> tuple[str, ...]:
    return tuple(text.split())


USER = _names(
    """
    userid user uid customerid customer custid visitorid memberid reviewerid accountid
    clientid personid readerid playerid sessionid msno buyerid buyer shopperid viewerid
    listenerid customerno customernumber customerkey userkey householdkey username
    kundennummer kundennr kundenid kunde benutzerid benutzer nutzerid nutzer idclient client
    numclient numeroclient codeclient codigocliente codigodocliente numerocliente
    codicecliente utilisateurid idutilisateur utilisateur clienteid idcliente codcliente cliente
    usuarioid idusuario usuario utilizador idutente utente 用户id 用户编号 用户 客户id 客户编号
    客户 会员id
    会员编号 会员 顾客id 顾客 ユーザーid ユーザid ユーザー 顧客id 顧客番号 顧客 会員id 会員番号
    お客様番号
    """
)
ITEM = _names(
    """
    itemid item iid movieid parentasin asin sku stockcode productid product articleid
    goodsid videoid songid trackid artistid bookid isbn newsid businessid gameid contentid
    offerid poiid venueid recipeid courseid productcode productno productnumber itemcode
    itemno itemnumber articleno articlenumber listingid hotelid restaurantid documentid
    docid storyid appid animeid titleid showid episodeid podcastid jokeid bookisbn movie
    song track artist book artikelnummer artikelnr artikelid artikel produktnummer produktid
    produkt idproduit codeproduit refproduit produit idarticle codearticle article
    idproducto productoid codigoproducto producto articulo idproduto produtoid codigoproduto
    codproduto codigodoproduto referenceproduit referenciaproducto artnr artno
    artid codigoarticulo codicearticolo idarticolo produto idprodotto codiceprodotto prodotto
    articolo 商品id 商品编号 商品 产品id 产品编号 产品
    物品id 物品 商品コード 商品番号 アイテムid アイテム
    """
)
TIME = _names(
    """
    timestamp ts unixreviewtime eventtime time datetime date createdat invoicedate orderdate
    purchasedate reviewtime eventdate transactiondate tdat utctime ordertime purchasetime
    orderedat purchasedat playedat watchedat clickedat viewedat visitedat ratedat
    eventtimestamp timems timestampms zeitstempel datum zeit bestelldatum kaufdatum
    rechnungsdatum horodatage datecommande dateachat datefacture fecha fechahora fechacompra
    fechapedido fechafactura data datahora datacompra datapedido dataacquisto dataordine 时间戳
    时间 日期 下单时间 购买时间 交易时间 購買日期 日時 日付 購入日時 購入日 注文日時 注文日
    タイムスタンプ
    """
)
ORDER = _names(
    """
    ordernumber ordersequence order sequencenumber sequence seqno seqnr seq ordinal step nth
    eventnumber eventindex eventno visitnumber reihenfolge schritt etape ordre secuencia paso
    sequencia passo sequenza 顺序 序号 次序 順番 順序 連番 addtocartorder cartposition cartorder
    clickorder clickposition itemorder sessionposition positioninsession positioninorder
    positioninbasket position pos posnr positionsnummer linenumber lineno orderlinenumber slot rank
    rang platz posicion posicao posizione 位置 排名 位次
    """
)
"""An order of events, those that number a user's orders or events first."""
SESSION = _names(
    """
    sessionid session visitid basketid basket cartid orderid order invoiceid invoiceno invoice
    transactionid receiptid receiptno sitzung sitzungid warenkorb bestellnummer bestellid
    bestellung rechnungsnummer rechnungsnr belegnummer bonnummer numcommande commande numfacture
    facture panier idpedido pedido pedidoid factura carrito idsessao sessao fattura ordineid ordine
    订单号 订单id 订单编号 订单 会话id 会话 注文番号 注文id セッションid セッション
    """
)
"""What the lines of one visit or one purchase share."""
EVENT = _names(
    """
    event eventtype behavior behaviour behaviortype behaviourtype action actiontype
    interaction interactiontype ereignis aktion evenement evento accion acao azione 行为类型 行为
    事件 行動 イベント
    """
)
WEIGHT = _names(
    """
    weight preference watchtime watchseconds watchedseconds watchduration dwelltime
    dwellseconds playtime playseconds playduration
    """
)
QUANTITY = _names(
    """
    quantity qty units menge anzahl stueckzahl quantite qte cantidad quantidade quantita 数量
    個数
    """
)
PRICE = _names(
    """
    unitprice price einzelpreis stueckpreis preis prixunitaire prix preciounitario precio
    precounitario preco prezzounitario prezzo 单价 价格 単価 価格
    """
)
DISPLAY = _names(
    """
    title name itemname productname producttitle itemtitle movietitle headline description
    titel bezeichnung artikelbezeichnung artikelname produktname titre libelle designation
    nomproduit nom titulo nombre nome titolo descrizione 标题 商品名称 产品名称 名称 商品名 タイトル
    """
)


TIME_OF_DAY = (
    "time",
    "timeofday",
    "hour",
    "uhrzeit",
    "zeit",
    "heure",
    "hora",
    "ora",
    "时间",
    "時刻",
)
"""Columns that may hold the time of day beside a date."""
_TIME_WORDS = (
    *("time", "times", "timestamp", "ts", "date", "datetime", "dt", "at", "day", "when", "epoch"),
    *("datum", "zeit", "tag", "heure", "jour", "fecha", "hora", "data", "giorno", "ora"),
)
_TIME_PARTS = ("时间", "日期", "時間", "日時", "日付", "時刻", "注文日", "購入日")


def normalized_name(name: str) -> str:
    """A column name in lower case, with letters and digits only, Latin letters without accents."""
    letters = unicodedata.normalize("NFKC", name).casefold()
    return "".join(_without_accent(c) for c in letters if c.isalnum())


def words_of(name: str) -> list[str]:
    """The words of a column name: `orderDate`, `order_date` and `order date` are two words each."""
    spaced = re.sub(r"(?<=[a-z0-9])(?=[A-Z])", " ", name)
    return [normalized_name(word) for word in re.split(r"[\W_]+", spaced) if word]


def sounds_like_time(name: str) -> bool:
    """Whether a word of the name means time in one of the languages that are known."""
    return any(w in _TIME_WORDS for w in words_of(name)) or any(p in name for p in _TIME_PARTS)


def _without_accent(letter: str) -> str:
    is_latin = "LATIN" in unicodedata.name(letter, "")
    return unicodedata.normalize("NFKD", letter)[0] if is_latin else letter


def find_column(names: Iterable[str], wanted: Iterable[str]) -> str | None:
    """The column whose normalized name comes first in `wanted`; None if there is none."""
    by_normalized: dict[str, str] = {}
    for name in names:
        by_normalized.setdefault(normalized_name(name), name)
    return next((by_normalized[w] for w in wanted if w in by_normalized), None)
