// SPDX-License-Identifier: MIT
#include "libfiona/export/image.h"

#include "libfiona/anonymize/data_set.h"
#include "libfiona/anonymize/output_file.h"
#include "libfiona/base/dates.h"
#include "libfiona/base/error.h"
#include "libfiona/base/files.h"
#include "libfiona/base/text.h"
#include "libfiona/base/unique_fd.h"
#include "libfiona/dicom/charset.h"
#include "libfiona/dicom/element_text.h"

#include <fcntl.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <optional>
#include <utility>

namespace fiona::exports {

namespace fs = std::filesystem;
using anonymize::Element;
using anonymize::Item;
using dicom::Tag;

namespace {

constexpr Tag charset_tag{0x0008, 0x0005};
constexpr Tag sop_class_tag{0x0008, 0x0016};
constexpr Tag sop_tag{0x0008, 0x0018};
constexpr Tag study_date_tag{0x0008, 0x0020};
constexpr Tag patient_id_tag{0x0010, 0x0020};
constexpr Tag series_tag{0x0020, 0x000e};

/// Names of layout fields and where they are from.
constexpr std::array<std::pair<std::string_view, Tag>, 11> layout_tags{
    {{"InstitutionName", {0x0008, 0x0080}},
     {"PatientID", patient_id_tag},
     {"StudyDate", study_date_tag},
     {"StudyTime", {0x0008, 0x0030}},
     {"Modality", {0x0008, 0x0060}},
     {"SeriesNumber", {0x0020, 0x0011}},
     {"SeriesDescription", {0x0008, 0x103e}},
     {"SOPInstanceUID", sop_tag},
     {"PatientBirthDate", {0x0010, 0x0030}}, // of readme and tables only
     {"PatientSex", {0x0010, 0x0040}},
     {"PatientAge", {0x0010, 0x1010}}}};

/// PS3.5 §A: what is not one of these has its pixel data encapsulated, or is deflated.
bool is_compressed_syntax(std::string_view syntax)
{
    return syntax != "1.2.840.10008.1.2" && syntax != "1.2.840.10008.1.2.1"
           && syntax != "1.2.840.10008.1.2.2" && syntax != "1.2.840.113619.5.2"
           && syntax != "1.2.840.10008.1.2.1.99";
}

std::string raw_value(const Item& root, Tag tag)
{
    const auto* const element = root.find(tag);
    return element == nullptr || element->is_sequence ? std::string{}
                                                      : std::string{trimmed(element->value())};
}

bool is_ascii(std::string_view text)
{
    return std::ranges::all_of(text, [](char c) { return c >= ' ' && c < '\x7f' && c != '\\'; });
}

void put(Item& root, Tag tag, const std::string& value)
{
    if (!is_ascii(value)) { // the image's character set may not have it
        throw Error{Fault::data, "a value for {} is not plain ASCII", anonymize::to_string(tag)};
    }
    auto* element = root.find(tag);
    if (element == nullptr) {
        const auto vr = dicom::dictionary_vr(tag);
        const auto place = std::ranges::lower_bound(root.elements, tag, {}, &Element::tag);
        element = &*root.elements.insert(place, Element{});
        element->tag = tag;
        element->vr = {vr.at(0), vr.at(1)};
    }
    if (element->is_sequence) {
        throw Error{Fault::data, "{} is a sequence", anonymize::to_string(tag)};
    }
    element->set(value);
}

void clear(Item& item, const std::vector<Tag>& tags)
{
    for (auto& element : item.elements) {
        if (std::ranges::binary_search(tags, element.tag)) {
            element.items.clear();
            if (!element.is_sequence) {
                element.set("");
            }
            continue;
        }
        for (auto& inner : element.items) {
            clear(inner, tags);
        }
    }
}

std::string years_between(std::string_view birth_year, std::string_view date)
{
    const auto scanned = parse_da(date);
    const auto born = parse_da(std::string{birth_year} + "0101");
    if (!scanned || !born || scanned->year() < born->year()) {
        return {};
    }
    return fmt::format("{:03}Y",
                       static_cast<int>(scanned->year()) - static_cast<int>(born->year()));
}

/// Fields of a value to be set.
class Values {
public:
    Values(const Item& root, const ExportType& type, const PackageFacts& facts)
        : m_facts{facts}, m_patient_id{raw_value(root, patient_id_tag)}
    {
        const auto date =
            facts.study_date.empty() ? raw_value(root, study_date_tag) : facts.study_date;
        m_study_date = type.date_shift_days == 0 ? date : shifted(date, type.date_shift_days);
    }

    [[nodiscard]] std::optional<std::string> operator()(std::string_view name) const
    {
        const auto& participant = m_facts.participant;
        const auto birth_year = participant.birth_date.substr(0, 4);
        if (name == "DashedParticipantID") {
            auto id = m_facts.participant_id;
            std::ranges::replace(id, '_', '-');
            return id;
        }
        if (name == "AgeOrYears") {
            return participant.age.empty() ? years_between(birth_year, m_study_date)
                                           : participant.age;
        }
        const std::array<std::pair<std::string_view, const std::string*>, 9> plain{
            {{"Project", &m_facts.project},
             {"ParticipantID", &m_facts.participant_id},
             {"Event", &m_facts.event},
             {"PatientID", &m_patient_id},
             {"StudyDate", &m_study_date},
             {"BirthDate", &participant.birth_date},
             {"BirthYear", &birth_year},
             {"Age", &participant.age},
             {"Sex", &participant.sex}}};
        const auto* const found =
            std::ranges::find(plain, name, &std::pair<std::string_view, const std::string*>::first);
        return found == plain.end() ? std::nullopt : std::optional{*found->second};
    }

private:
    const PackageFacts& m_facts;
    std::string m_patient_id;
    std::string m_study_date;
};

void change(Item& root, const ExportType& type, const PackageFacts& facts)
{
    const Values values{root, type, facts};
    std::vector<std::pair<Tag, std::string>> changes;
    for (const auto& [tag, text] : type.set) {
        if (auto value = text.value(values)) {
            changes.emplace_back(tag, std::move(*value));
        }
    }
    clear(root, type.clear);
    for (const auto& [tag, value] : changes) {
        put(root, tag, value);
    }
}

Fields fields_of(const Item& root, const fs::path& file, const PackageFacts& facts)
{
    const dicom::Charset charset{raw_value(root, charset_tag)};
    Fields fields{{"Project", facts.project},
                  {"ParticipantID", facts.participant_id},
                  {"Event", facts.event},
                  {"Folder", facts.folder},
                  {"File", file.filename().native()}};
    for (const auto& [name, tag] : layout_tags) {
        fields[std::string{name}] = charset.decode(raw_value(root, tag), "\\").utf8;
    }
    auto& time = fields["StudyTime"];
    time = time.substr(0, time.find('.'));
    if (fields["SeriesNumber"] == "-1") {
        fields["SeriesNumber"].clear();
    }
    auto blankless = fields["SeriesDescription"];
    std::ranges::replace(blankless, ' ', '_');
    fields["SeriesDescriptionWithoutBlanks"] = std::move(blankless);
    return fields;
}

} // namespace

std::string shifted(std::string_view date, int days)
{
    const auto day = parse_da(date);
    return day ? format_da(std::chrono::sys_days{*day} + std::chrono::days{days}) : std::string{};
}

Image::Image(const fs::path& file, const ExportType& type, const PackageFacts& facts)
    : Image{file, anonymize::examine(file), type, facts}
{
}

Image::Image(const fs::path& file, anonymize::Layout layout, const ExportType& type,
             const PackageFacts& facts)
    : m_file{file}, m_layout{std::move(layout)}, m_is_compressed{
                                                     is_compressed_syntax(m_layout.transfer_syntax)}
{
    const anonymize::SourceFile source{file, m_layout};
    auto parsed = anonymize::read_data_set(source.header(), m_layout.encoding);
    change(parsed.root, type, facts);
    m_fields = fields_of(parsed.root, file, facts);
    m_sop_class = raw_value(parsed.root, sop_class_tag);
    m_series = raw_value(parsed.root, series_tag);
    anonymize::Rewritten identity;
    identity.sop_class = m_sop_class;
    identity.new_sop = raw_value(parsed.root, sop_tag);
    m_head = anonymize::file_start(identity, m_layout.is_deflated
                                                 ? std::string_view{"1.2.840.10008.1.2.1"}
                                                 : std::string_view{m_layout.transfer_syntax});
    m_head += anonymize::write_data_set(parsed.root, m_layout.encoding);
    if (m_layout.is_deflated) {
        m_head += source.header().substr(parsed.end);
    }
    m_pixels = source.pixels();
}

zip::Content Image::content(std::string name) &&
{
    return {.name = std::move(name),
            .head = std::move(m_head),
            .file = std::move(m_file),
            .offset = m_pixels.offset,
            .count = m_pixels.bytes,
            .kind = m_is_compressed ? zip::Content::Kind::compressed : zip::Content::Kind::plain};
}

void write_image(const fs::path& source, const fs::path& target, const ExportType& type,
                 const PackageFacts& facts)
{
    const auto content = Image{source, type, facts}.content({});
    const UniqueFd in{::open(content.file.c_str(), O_RDONLY | O_CLOEXEC)};
    const UniqueFd out{::open(target.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600)};
    if (!in || !out) {
        throw os_error(errno, "copy an image");
    }
    write_all(out.get(), content.head, "a copy of an image");
    constexpr std::uint64_t block_bytes = std::uint64_t{1} << 20U;
    std::string block;
    for (std::uint64_t done = 0; done < content.count; done += block.size()) {
        block.resize(std::min(block_bytes, content.count - done));
        const auto got = ::pread(in.get(), block.data(), block.size(),
                                 static_cast<off_t>(content.offset + done));
        if (got <= 0) {
            throw os_error(got == 0 ? EIO : errno, "copy an image");
        }
        block.resize(static_cast<std::size_t>(got));
        write_all(out.get(), block, "a copy of an image");
    }
}

} // namespace fiona::exports
