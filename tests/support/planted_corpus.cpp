// SPDX-License-Identifier: MIT
#include "tests/support/planted_corpus.h"

#include "libfiona/anonymize/profile.h"
#include "libfiona/base/dates.h"

#include <fmt/format.h>

#include <iconv.h>

#include <array>
#include <stdexcept>

namespace planted {

namespace fs = std::filesystem;
using fiona::anonymize::Action;
using fiona::anonymize::Element;
using fiona::anonymize::is_private;
using fiona::anonymize::Item;
using fiona::anonymize::Profile;
using fiona::anonymize::ProfileRow;
using fiona::anonymize::Tag;
using fiona::anonymize::Vr;
using phantom::put;
using phantom::sequence;
using phantom::Syntax;
using phantom::text;

std::string_view name_of(Kind kind)
{
    constexpr std::array<std::string_view, 10> names{
        "tag_retained", "text_notnull",   "text_retained",    "text_removed",  "date_shifted",
        "uid_changed",  "uid_consistent", "patid_consistent", "pixels_hidden", "pixels_retained"};
    return names.at(static_cast<std::size_t>(kind));
}

std::string mark(unsigned number)
{
    constexpr std::string_view consonants = "bdfgjkpvzx";
    constexpr std::string_view vowels = "aeiou";
    std::string word = "qu";
    for (int syllable = 0; syllable < 3; ++syllable) {
        word += consonants[number % consonants.size()];
        number /= 10;
        word += vowels[number % vowels.size()];
        number /= 5;
    }
    return word + "x";
}

void Planter::note(const std::string& where, const std::string& mark)
{
    m_corpus.marks[where].push_back(mark);
    check(Kind::text_removed, "", mark);
}

std::string Planter::word(const std::string& where)
{
    auto made = mark(next());
    note(where, made);
    return made;
}

std::string Planter::uid(const std::string& where)
{
    const auto number = next();
    const auto made =
        fmt::format("1.2.752.99.{}.{}", number + 1000, std::uint64_t{number} * 7919 + 1);
    m_corpus.marks[where].push_back(made);
    check(Kind::uid_changed, "", made);
    return made;
}

std::string Planter::date(const std::string& where)
{
    // 100 days apart, so that none is another one moved by 42 days.
    const std::chrono::sys_days first{std::chrono::year{1500} / 1 / 1};
    const auto made = fiona::format_da(first + std::chrono::days{100} * next());
    m_corpus.marks[where].push_back(made);
    check(Kind::date_shifted, "", made);
    return made;
}

void Planter::check(Kind kind, std::string path, std::string value)
{
    m_pending.push_back({kind, 0, std::move(path), std::move(value)});
}

void Planter::add(const Item& root, Syntax syntax, bool with_pixels)
{
    const auto directory =
        m_directory / fmt::format("{}_{}", mark(next()), m_corpus.objects.size());
    fs::create_directories(directory);
    const auto name = mark(next());
    m_corpus.marks["directory name"].push_back(directory.filename().native().substr(0, 9));
    m_corpus.marks["file name"].push_back(name);
    const auto made = phantom::write(directory / (name + ".dcm"), root, syntax);
    m_corpus.objects.push_back({made.file, std::string{root.find({0x0008, 0x0018})->value()},
                                with_pixels ? made.pixels : std::string{}});
    if (with_pixels) {
        check(Kind::pixels_retained, "", made.pixels);
    }
    for (auto& pending : m_pending) {
        pending.object = m_corpus.objects.size() - 1;
        m_corpus.key.push_back(std::move(pending));
    }
    m_pending.clear();
}

Item header(Planter& planter, const Person& person, std::string_view sop_class,
            std::string_view modality)
{
    Item root;
    const auto keep = [&](Tag tag, Vr vr, std::string_view value, Kind kind = Kind::text_retained) {
        put(root, text(tag, vr, value));
        planter.check(kind, fmt::format("{:04X},{:04X}", tag.group, tag.element),
                      std::string{value});
    };
    put(root, text({0x0008, 0x0005}, "CS", "ISO_IR 100"));
    keep({0x0008, 0x0008}, "CS", "ORIGINAL\\PRIMARY");
    keep({0x0008, 0x0016}, "UI", sop_class);
    put(root, text({0x0008, 0x0018}, "UI", planter.uid("SOP instance UID")));
    put(root, text({0x0008, 0x0020}, "DA", person.study_date));
    keep({0x0008, 0x0030}, "TM", "101112");
    put(root, text({0x0008, 0x0050}, "SH", person.accession));
    planter.check(Kind::text_notnull, "0008,0050", "");
    keep({0x0008, 0x0060}, "CS", modality);
    put(root, text({0x0010, 0x0010}, "PN", person.name));
    planter.check(Kind::text_notnull, "0010,0010", "");
    put(root, text({0x0010, 0x0020}, "LO", person.id));
    planter.check(Kind::patid_consistent, "0010,0020", person.id);
    put(root, text({0x0010, 0x0030}, "DA", person.birth_date));
    keep({0x0010, 0x0040}, "CS", "F");
    keep({0x0010, 0x1010}, "AS", "062Y");
    put(root, text({0x0020, 0x000d}, "UI", person.study));
    planter.check(Kind::uid_consistent, "0020,000D", person.study);
    put(root, text({0x0020, 0x000e}, "UI", planter.uid("series UID")));
    planter.check(Kind::tag_retained, "0020,000E", "");
    keep({0x0020, 0x0013}, "IS", "7");
    return root;
}

namespace {

constexpr Tag recursed{0x0054, 0x0016}; // a sequence that the profile enters

std::string where_of(const ProfileRow& row)
{
    return row.tag + " " + row.keyword;
}

/// A value of this representation that holds a mark.
std::string planted_value(Planter& planter, const ProfileRow& row, Vr vr)
{
    const auto where = where_of(row);
    if (vr == Vr{"DA"}) {
        return planter.date(where);
    }
    if (vr == Vr{"DT"}) {
        return planter.date(where) + "101112.5";
    }
    if (vr == Vr{"UI"}) {
        return planter.uid(where);
    }
    if (vr == Vr{"TM"} || vr == Vr{"IS"} || vr == Vr{"DS"} || vr == Vr{"AS"}) {
        return vr == Vr{"AS"} ? "091Y" : "101112"; // times, sizes and ages are kept, capped
    }
    auto word = planter.word(where);
    if (vr == Vr{"CS"} || vr == Vr{"AE"}) {
        for (auto& c : word) {
            c = c >= 'a' && c <= 'z' ? static_cast<char>(c - 0x20) : c;
        }
    }
    return vr == Vr{"PN"} ? word + "^" + planter.word(where) : word;
}

bool is_text_or_known(Vr vr)
{
    return fiona::anonymize::is_string(vr) || vr == Vr{"OB"} || vr == Vr{"UN"};
}

Element planted(Planter& planter, const ProfileRow& row, Tag tag)
{
    if (row.vr == Vr{"SQ"}) {
        Item item;
        put(item, text({0x0008, 0x0100}, "SH", planter.word(where_of(row)).substr(0, 9)));
        put(item, text({0x0008, 0x0102}, "SH", "99LOCAL"));
        put(item, text({0x0008, 0x0104}, "LO", planter.word(where_of(row))));
        put(item, text({0x0010, 0x0010}, "PN", planter.word(where_of(row))));
        put(item, text({0x0040, 0xa160}, "UT", "Seen by " + planter.word(where_of(row))));
        return sequence(tag, {item});
    }
    const auto vr = is_text_or_known(row.vr) ? row.vr : Vr{"LO"};
    return text(tag, vr == Vr{} && !is_private(tag) ? Vr{"LO"} : vr,
                planted_value(planter, row, vr));
}

std::optional<Tag> tag_of(const ProfileRow& row)
{
    if (row.tag == "50XXXXXX") {
        return Tag{0x5004, 0x3000};
    }
    if (row.tag == "60XX3000" || row.tag == "60XX4000") {
        return Tag{0x6002, static_cast<std::uint16_t>(row.tag == "60XX3000" ? 0x3000 : 0x4000)};
    }
    const auto tag = fiona::anonymize::parse_tag(row.tag);
    // Groups below 0008 are not of a data set; a document at the top is refused as a whole, and so is
    // a waveform with annotations: they have objects of their own.
    const bool usable = tag && tag->group >= 0x0008 && tag->group < 0x7fe0
                        && *tag != Tag{0x0042, 0x0011} && *tag != recursed
                        && *tag != Tag{0x0008, 0x0005} && *tag != Tag{0x0008, 0x0016};
    return usable ? tag : std::nullopt;
}

void fill(Item& item, Planter& planter, const Profile& profile)
{
    for (const auto& row : profile.rows()) {
        const auto tag = tag_of(row);
        // Manufacturer, model and the classes of references identify nobody and are kept as they are.
        const bool is_technical = row.basic.empty() && row.rule.action == Action::keep;
        if (!tag || is_technical || item.find(*tag) != nullptr) {
            continue;
        }
        if (is_private(*tag) && tag->element >= 0x1000) {
            put(item, text({tag->group, 0x0010}, "LO", row.keyword));
        }
        put(item, planted(planter, row, *tag));
    }
}

void fill_private(Item& item, Planter& planter)
{
    const std::string where = "private block";
    put(item, text({0x0029, 0x0020}, "LO", planter.word(where)));
    put(item, text({0x0029, 0x2010}, "OB", planter.word(where)));
    put(item, text({0x0029, 0x2011}, "UN", planter.word(where)));
    Item inner;
    put(inner, text({0x0010, 0x0010}, "PN", planter.word(where)));
    put(inner, text({0x0018, 0x0050}, "LO", planter.word(where)));
    put(item, sequence({0x0029, 0x2012}, {inner}));
    put(item, text({0x0029, 0x2013}, "UI", planter.uid(where)));
    put(item, text({0x0029, 0x0008}, "LO", planter.word(where)));
    // An allowed creator in a moved block: its number stays, what is beside it goes.
    put(item, text({0x0019, 0x0042}, "LO", "SIEMENS MR HEADER"));
    put(item, text({0x0019, 0x420c}, "IS", "1000"));
    put(item, text({0x0019, 0x4299}, "LO", planter.word(where)));
}

/// From UTF-8 to another encoding of iconv(3).
std::string encoded(std::string utf8, const char* encoding)
{
    const iconv_t converter = ::iconv_open(encoding, "UTF-8");
    if (converter == reinterpret_cast<iconv_t>(-1)) {
        throw std::runtime_error{fmt::format("iconv has no {}", encoding)};
    }
    std::string result(utf8.size() * 4 + 16, '\0');
    char* in = utf8.data();
    char* out = result.data();
    std::size_t in_left = utf8.size();
    std::size_t out_left = result.size();
    const auto failed =
        ::iconv(converter, &in, &in_left, &out, &out_left) == static_cast<std::size_t>(-1)
        || ::iconv(converter, nullptr, nullptr, &out, &out_left) == static_cast<std::size_t>(-1);
    ::iconv_close(converter);
    if (failed) {
        throw std::runtime_error{fmt::format("{} does not fit into {}", utf8, encoding)};
    }
    result.resize(result.size() - out_left);
    return result;
}

struct Set {
    const char* term;
    const char* encoding;
    const char* name; ///< of somebody, UTF-8, one word
    const char* prefix = "";
};

} // namespace

void add_table_objects(Planter& planter, const Person& person)
{
    const fs::path share{FIONA_SOURCE_DIR "/share/profiles"};
    const auto profile = Profile::load({share / "profile.csv"}, share / "safe-private.csv");
    for (const auto syntax : {Syntax::explicit_little, Syntax::implicit, Syntax::explicit_big,
                              Syntax::deflated, Syntax::rle}) {
        auto root = header(planter, person, "1.2.840.10008.5.1.4.1.1.4", "MR");
        Item deepest;
        fill(deepest, planter, profile);
        fill_private(deepest, planter);
        Item middle;
        put(middle, sequence(recursed, {deepest}));
        Item first;
        put(first, sequence(recursed, {middle}));
        fill(root, planter, profile);
        put(root, sequence(recursed, {first}));
        fill_private(root, planter);
        planter.check(Kind::text_retained, "0019,420C", "1000");
        planter.note("preamble", "PREAMBLE-PHI");
        planter.note("meta header", "METASENDER");
        planter.note("meta header private", "METAPRIVATE");
        planter.note("trailing padding", "TRAILINGPHI");
        planter.add(root, syntax);
    }
}

void add_charset_objects(Planter& planter, const Person& person)
{
    const std::array<Set, 16> sets{{{"ISO_IR 100", "ISO-8859-1", "Søndqvæl"},
                                    {"ISO_IR 101", "ISO-8859-2", "Łukqwiżab"},
                                    {"ISO_IR 109", "ISO-8859-3", "Ĥaŭqvizo"},
                                    {"ISO_IR 110", "ISO-8859-4", "Ķvirņēqs"},
                                    {"ISO_IR 144", "ISO-8859-5", "Квирозаб"},
                                    {"ISO_IR 127", "ISO-8859-6", "قباضيلو"},
                                    {"ISO_IR 126", "ISO-8859-7", "Κουιρόζαβ"},
                                    {"ISO_IR 138", "ISO-8859-8", "קוירוזאב"},
                                    {"ISO_IR 148", "ISO-8859-9", "Kuşgözqağ"},
                                    {"ISO_IR 166", "TIS-620", "กวิโรซาบ"},
                                    {"ISO_IR 13", "SHIFT_JIS", "ﾔﾏｸｲﾛｻﾞ"},
                                    {"ISO_IR 192", "UTF-8", "Ærøqvistβ"},
                                    {"GB18030", "GB18030", "欧阳奎若"},
                                    {"GBK", "GBK", "司徒奎萨"},
                                    {"\\ISO 2022 IR 87", "ISO-2022-JP", "山田奎郎"},
                                    {"\\ISO 2022 IR 149", "EUC-KR", "남궁퀴로", "\x1b$)C"}}};
    for (const auto& set : sets) {
        auto root = header(planter, person, "1.2.840.10008.5.1.4.1.1.7", "OT");
        put(root, text({0x0008, 0x0005}, "CS", set.term));
        const auto bytes = set.prefix + encoded(set.name, set.encoding);
        const auto where = std::string{"character set "} + set.term;
        planter.note(where, set.name);
        planter.note_encoded(bytes);
        put(root, text({0x0010, 0x0010}, "PN", bytes + "^" + mark(planter.next())));
        put(root, text({0x0010, 0x1001}, "PN", "QUX=" + bytes));
        put(root, text({0x0008, 0x1030}, "LO", "MR Brain " + bytes));
        put(root, text({0x0010, 0x4000}, "LT", "Pain left knee, " + bytes + " called"));
        Item nested;
        put(nested, text({0x0018, 0x0031}, "LO", bytes));
        put(root, sequence(recursed, {nested}));
        put(root, text({0x0029, 0x0010}, "LO", "NOBODY KNOWS"));
        put(root, text({0x0029, 0x1001}, "LO", bytes));
        planter.check(Kind::text_retained, "0008,1030", "MR Brain");
        planter.check(Kind::text_notnull, "0010,4000", "");
        planter.add(root, Syntax::explicit_little);
    }
}

Corpus make_corpus(const fs::path& directory)
{
    Planter planter{directory};
    Person person;
    person.name = planter.word("patient name") + "^" + planter.word("patient name");
    person.id = "PAT" + std::to_string(88'120'457);
    planter.note("patient id", person.id);
    person.birth_date = "19610307";
    planter.note("birth date", person.birth_date);
    person.accession = "ACC7654321";
    planter.note("accession number", person.accession);
    person.study_date = "20240120";
    planter.note("study date", person.study_date);
    person.study = planter.uid("study UID");
    add_table_objects(planter, person);
    add_charset_objects(planter, person);
    add_research_objects(planter, person);
    add_reports(planter, person);
    add_documents(planter, person);
    return planter.take();
}

} // namespace planted
