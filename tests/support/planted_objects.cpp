// SPDX-License-Identifier: MIT
#include "tests/support/planted_corpus.h"

#include <fmt/format.h>

#include <cstring>

namespace planted {

using fiona::anonymize::Item;
using fiona::anonymize::Tag;
using fiona::anonymize::Vr;
using phantom::put;
using phantom::sequence;
using phantom::Syntax;
using phantom::text;

namespace {

/// A value that research needs: it must come out as it went in.
void keep(Planter& planter, Item& item, const std::string& around, Tag tag, Vr vr,
          const std::string& value)
{
    put(item, text(tag, vr, value));
    planter.check(Kind::text_retained,
                  fmt::format("{}{:04X},{:04X}", around, tag.group, tag.element), value);
}

std::string binary(double value)
{
    std::string bytes(sizeof value, '\0');
    std::memcpy(bytes.data(), &value, sizeof value);
    return bytes;
}

std::string word32(std::uint32_t value)
{
    std::string bytes(sizeof value, '\0');
    std::memcpy(bytes.data(), &value, sizeof value);
    return bytes;
}

/// A CSA2 header (SV10) with garbage behind every NUL, as scanners leave it there.
class Csa {
public:
    explicit Csa(std::string garbage) : m_garbage{std::move(garbage)} {}

    void add(const std::string& name, const std::string& vr, const std::string& value)
    {
        ++m_count;
        m_tags += padded(name, 64) + word32(1) + padded(vr, 4) + word32(6) + word32(1) + word32(77);
        const auto length = static_cast<std::uint32_t>(value.size() + 1);
        m_tags += word32(length) + word32(length) + word32(77) + word32(length);
        m_tags += padded(value, (value.size() + 4) / 4 * 4);
    }

    [[nodiscard]] std::string bytes() const
    {
        auto all = std::string{"SV10\4\3\2\1", 8} + word32(m_count) + word32(77) + m_tags;
        all += m_garbage;
        all.resize((all.size() + 1) / 2 * 2);
        return all;
    }

private:
    [[nodiscard]] std::string padded(const std::string& value, std::size_t size) const
    {
        auto all = value + '\0' + m_garbage + m_garbage + m_garbage + m_garbage + m_garbage
                   + m_garbage + m_garbage;
        all.resize(size);
        return all;
    }

    std::string m_garbage;
    std::string m_tags;
    std::uint32_t m_count = 0;
};

void put_csa(Planter& planter, Item& root, const Person& person)
{
    const std::string where = "CSA header";
    Csa image{planter.word(where)};
    image.add("B_value", "IS", "1000");
    image.add("SliceNormalVector", "FD", "0.00000000");
    image.add("ReferringDoctor", "LO", planter.word(where));
    image.add("Reader", "PN", planter.word(where));
    image.add("ReferencedImage", "UI", planter.uid(where));
    image.add("Visit", "DA", planter.date(where));
    Csa series{planter.word(where)};
    series.add("UsedPatientWeight", "DS", "70");
    series.add("MrPhoenixProtocol", "UN",
               fmt::format("<XProtocol>\n{{\n  <ParamString.\"tPatientName\">  {{ \"{}\" }}\n"
                           "  <ParamString.\"InstitutionName\">  {{ \"{}\" }}\n}}\n"
                           "### ASCCONV BEGIN ###\ntProtocolName\t = \t\"\"ep2d_diff\"\"\n"
                           "tReferenceImage0\t = \t\"\"{}\"\"\n"
                           "sWip.tFree\t = \t\"\"{} {}\"\"\nlRepetitions\t = \t4\n"
                           "### ASCCONV END ###\n",
                           person.name, planter.word(where), planter.uid(where),
                           planter.word(where), person.birth_date));
    put(root, text({0x0029, 0x0010}, "LO", "SIEMENS CSA HEADER"));
    put(root, text({0x0029, 0x1010}, "OB", image.bytes()));
    put(root, text({0x0029, 0x1020}, "OB", series.bytes()));
    planter.check(Kind::text_retained, "0029,1010", "B_value");
    planter.check(Kind::text_retained, "0029,1010", "1000");
    planter.check(Kind::text_retained, "0029,1020", "ep2d_diff");
    planter.check(Kind::text_retained, "0029,1020", "lRepetitions\t = \t4");
}

void put_graphics(Planter& planter, Item& root)
{
    const auto drawn = planter.word("overlay") + planter.word("overlay");
    put(root, text({0x6000, 0x0010}, "US", std::string{"\x40\0", 2}));
    put(root, text({0x6000, 0x3000}, "OW", drawn));
    planter.check(Kind::pixels_hidden, "6000,3000", drawn);
    put(root, text({0x6000, 0x0022}, "LO", planter.word("overlay description")));
    put(root, text({0x6000, 0x1500}, "LO", planter.word("overlay label")));
    put(root, text({0x6000, 0x4000}, "LT", planter.word("overlay comments")));
    put(root, text({0x5000, 0x0022}, "LO", planter.word("curve description")));
    const auto curve = planter.word("curve") + planter.word("curve");
    put(root, text({0x5000, 0x3000}, "OW", curve));
    planter.check(Kind::pixels_hidden, "5000,3000", curve);
    Item icon;
    const auto picture = planter.word("icon") + planter.word("icon");
    put(icon, text({0x7fe0, 0x0010}, "OW", picture));
    put(root, sequence({0x0088, 0x0200}, {icon}));
    planter.check(Kind::pixels_hidden, "0088,0200", picture);
}

Item code(const std::string& value, const std::string& scheme, const std::string& meaning)
{
    Item item;
    put(item, text({0x0008, 0x0100}, "SH", value));
    put(item, text({0x0008, 0x0102}, "SH", scheme));
    put(item, text({0x0008, 0x0104}, "LO", meaning));
    return item;
}

Item content(const std::string& type, const Item& concept_name)
{
    Item item;
    put(item, text({0x0040, 0xa010}, "CS", "CONTAINS"));
    put(item, text({0x0040, 0xa040}, "CS", type));
    put(item, sequence({0x0040, 0xa043}, {concept_name}));
    return item;
}

Item reference(const std::string& sop_class, const std::string& instance)
{
    Item item;
    put(item, text({0x0008, 0x1150}, "UI", sop_class));
    put(item, text({0x0008, 0x1155}, "UI", instance));
    return item;
}

} // namespace

std::string pdf(const std::string& line, const std::string& author)
{
    const auto drawn = fmt::format("BT /F1 12 Tf 72 720 Td ({}) Tj ET", line);
    std::vector<std::string> objects{
        "<< /Type /Catalog /Pages 2 0 R >>", "<< /Type /Pages /Kids [3 0 R] /Count 1 >>",
        "<< /Type /Page /Parent 2 0 R /MediaBox [0 0 612 792] /Contents 4 0 R "
        "/Resources << /Font << /F1 5 0 R >> >> >>",
        fmt::format("<< /Length {} >>\nstream\n{}\nendstream", drawn.size(), drawn),
        "<< /Type /Font /Subtype /Type1 /BaseFont /Helvetica >>"};
    if (!author.empty()) {
        objects.push_back(fmt::format("<< /Author ({}) >>", author));
    }
    std::string bytes = "%PDF-1.4\n";
    std::string table = fmt::format("xref\n0 {}\n0000000000 65535 f \n", objects.size() + 1);
    for (std::size_t i = 0; i < objects.size(); ++i) {
        table += fmt::format("{:010} 00000 n \n", bytes.size());
        bytes += fmt::format("{} 0 obj\n{}\nendobj\n", i + 1, objects[i]);
    }
    const auto start = bytes.size();
    bytes += table
             + fmt::format("trailer\n<< /Size {} /Root 1 0 R{} >>\nstartxref\n{}\n%%EOF\n",
                           objects.size() + 1, author.empty() ? "" : " /Info 6 0 R", start);
    return bytes;
}

void add_research_objects(Planter& planter, const Person& person)
{
    {
        auto mr = header(planter, person, "1.2.840.10008.5.1.4.1.1.4", "MR");
        keep(planter, mr, "", {0x0008, 0x103e}, "LO", "t1_mprage_sag_p2_iso");
        keep(planter, mr, "", {0x0018, 0x1030}, "LO", "ep2d_diff_b1000_TRACEW");
        keep(planter, mr, "", {0x0018, 0x0020}, "CS", "GR\\IR");
        keep(planter, mr, "", {0x0018, 0x0050}, "DS", "3.5");
        keep(planter, mr, "", {0x0018, 0x0080}, "DS", "2300");
        keep(planter, mr, "", {0x0018, 0x0081}, "DS", "2.98");
        keep(planter, mr, "", {0x0018, 0x1314}, "DS", "9");
        keep(planter, mr, "", {0x0018, 0x5100}, "CS", "HFS");
        keep(planter, mr, "", {0x0018, 0x9087}, "FD", binary(1000));
        keep(planter, mr, "", {0x0020, 0x0032}, "DS", "-1.5\\2\\3");
        keep(planter, mr, "", {0x0020, 0x0037}, "DS", "1\\0\\0\\0\\1\\0");
        keep(planter, mr, "", {0x0028, 0x0030}, "DS", "0.9375\\0.9375");
        put(mr, text({0x0008, 0x1010}, "SH", planter.word("station name")));
        put(mr, text({0x0008, 0x0080}, "LO", planter.word("institution")));
        put(mr, text({0x0008, 0x1070}, "PN", planter.word("operator")));
        put(mr, text({0x0020, 0x4000}, "LT",
                     "Motion artefact, call " + planter.word("comment") + " at 55 97 12 34, born "
                         + person.birth_date));
        put_csa(planter, mr, person);
        put_graphics(planter, mr);
        planter.add(mr, Syntax::explicit_little);
    }
    {
        auto ct = header(planter, person, "1.2.840.10008.5.1.4.1.1.2", "CT");
        keep(planter, ct, "", {0x0008, 0x103e}, "LO", "Thorax 1.0 B30f");
        keep(planter, ct, "", {0x0018, 0x0060}, "DS", "120");
        keep(planter, ct, "", {0x0018, 0x1152}, "IS", "240");
        keep(planter, ct, "", {0x0018, 0x9345}, "FD", binary(7.25));
        keep(planter, ct, "", {0x0028, 0x1052}, "DS", "-1024");
        keep(planter, ct, "", {0x0028, 0x1053}, "DS", "1");
        planter.add(ct, Syntax::implicit);
    }
    {
        auto pet = header(planter, person, "1.2.840.10008.5.1.4.1.1.128", "PT");
        keep(planter, pet, "", {0x0008, 0x0032}, "TM", "111213");
        keep(planter, pet, "", {0x0010, 0x1030}, "DS", "70.5");
        keep(planter, pet, "", {0x0054, 0x1001}, "CS", "BQML");
        keep(planter, pet, "", {0x0054, 0x1300}, "DS", "180000");
        Item dose;
        const std::string around = "0054,0016>";
        keep(planter, dose, around, {0x0018, 0x1072}, "TM", "095900");
        keep(planter, dose, around, {0x0018, 0x1074}, "DS", "350000000");
        keep(planter, dose, around, {0x0018, 0x1075}, "DS", "6586.2");
        put(dose, text({0x0018, 0x1078}, "DT", planter.date("injection") + "095900"));
        put(pet, sequence({0x0054, 0x0016}, {dose}));
        planter.add(pet, Syntax::explicit_little);
    }
    {
        auto plan = header(planter, person, "1.2.840.10008.5.1.4.1.1.481.2", "RTDOSE");
        keep(planter, plan, "", {0x3004, 0x000e}, "DS", "0.0001");
        keep(planter, plan, "", {0x3004, 0x0002}, "CS", "GY");
        planter.add(plan, Syntax::explicit_little);
    }
}

void add_reports(Planter& planter, const Person& person)
{
    const std::string image_class = "1.2.840.10008.5.1.4.1.1.4";
    const auto image = planter.uid("referenced image");
    {
        auto report = header(planter, person, "1.2.840.10008.5.1.4.1.1.88.11", "SR");
        auto name = content("PNAME", code("121008", "DCM", "Person Observer Name"));
        put(name, text({0x0040, 0xa123}, "PN", planter.word("SR name")));
        auto other_name = content("PNAME", code("9900", "99LOCAL", "Somebody"));
        put(other_name, text({0x0040, 0xa123}, "PN", planter.word("SR name")));
        auto accession = content("TEXT", code("121022", "DCM", "Accession Number"));
        put(accession, text({0x0040, 0xa160}, "UT", planter.word("SR accession")));
        auto finding = content("TEXT", code("121071", "DCM", "Finding"));
        put(finding, text({0x0040, 0xa160}, "UT",
                          "Lesion in the left kidney of 14 mm, told " + planter.word("SR text")
                              + " on " + person.study_date));
        auto day = content("DATE", code("111060", "DCM", "Study Date"));
        put(day, text({0x0040, 0xa121}, "DA", planter.date("SR date")));
        auto moment = content("DATETIME", code("111526", "DCM", "DateTime Started"));
        put(moment, text({0x0040, 0xa120}, "DT", planter.date("SR date") + "0102"));
        auto uid = content("UIDREF", code("112002", "DCM", "Series Instance UID"));
        put(uid, text({0x0040, 0xa124}, "UI", planter.uid("SR UID")));
        auto number = content("NUM", code("121206", "DCM", "Distance"));
        Item measured;
        put(measured, text({0x0040, 0xa30a}, "DS", "14.2"));
        put(number, sequence({0x0040, 0xa300}, {measured}));
        auto picture = content("IMAGE", code("121080", "DCM", "Best illustration of finding"));
        put(picture, sequence({0x0008, 0x1199}, {reference(image_class, image)}));
        auto group = content("CONTAINER", code("121070", "DCM", "Findings"));
        put(group, sequence({0x0040, 0xa730}, {finding, number, picture, other_name}));
        put(report, text({0x0040, 0xa040}, "CS", "CONTAINER"));
        put(report, text({0x0040, 0xa493}, "CS", "VERIFIED"));
        put(report, sequence({0x0040, 0xa730}, {group, name, accession, day, moment, uid}));
        planter.check(Kind::text_retained, "0040,A730>0040,A730>0040,A160",
                      "Lesion in the left kidney of 14 mm");
        planter.add(report, Syntax::explicit_little, true);
    }
    {
        auto state = header(planter, person, "1.2.840.10008.5.1.4.1.1.11.1", "PR");
        Item series;
        put(series, text({0x0020, 0x000e}, "UI", planter.uid("referenced series")));
        put(series, sequence({0x0008, 0x1140}, {reference(image_class, image)}));
        put(state, sequence({0x0008, 0x1115}, {series}));
        planter.check(Kind::uid_consistent, "0008,1115>0008,1140>0008,1155", image);
        Item note;
        put(note, text({0x0070, 0x0006}, "ST", "Lesion, see " + planter.word("graphic text")));
        Item drawing;
        put(drawing, text({0x0070, 0x0023}, "CS", "POLYLINE"));
        Item annotation;
        put(annotation, text({0x0070, 0x0002}, "CS", "LAYER1"));
        put(annotation, sequence({0x0070, 0x0008}, {note}));
        put(annotation, sequence({0x0070, 0x0009}, {drawing}));
        put(state, sequence({0x0070, 0x0001}, {annotation}));
        put(state, text({0x0070, 0x0084}, "PN", planter.word("content creator")));
        planter.check(Kind::text_retained, "0070,0001>0070,0009>0070,0023", "POLYLINE");
        planter.check(Kind::text_retained, "0070,0001>0070,0008>0070,0006", "Lesion");
        planter.add(state, Syntax::explicit_little, true);
    }
}

void add_documents(Planter& planter, const Person& person)
{
    const auto add = [&](const std::string& bytes) {
        auto root = header(planter, person, "1.2.840.10008.5.1.4.1.1.104.1", "DOC");
        put(root, text({0x0042, 0x0012}, "LO", "application/pdf"));
        put(root, text({0x0042, 0x0011}, "OB", bytes));
        planter.add(root, Syntax::explicit_little);
        planter.refuse_last();
    };
    add(pdf("Report on " + planter.word("PDF text"), ""));
    add(pdf("A lesion in the left kidney", planter.word("PDF author")));
    add("<ClinicalDocument><name>" + planter.word("CDA") + "</name></ClinicalDocument>");
}

} // namespace planted
