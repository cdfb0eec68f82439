// SPDX-License-Identifier: MIT
#include "libfiona/dicom/header.h"

#include "libfiona/base/error.h"
#include "libfiona/base/text.h"
#include "libfiona/dicom/charset.h"
#include "libfiona/dicom/check.h"
#include "libfiona/dicom/element_text.h"
#include "libfiona/dicom/prescan.h"

#include <dcmtk/config/osconfig.h>
#include <dcmtk/dcmdata/dctk.h>

#include <algorithm>
#include <array>
#include <map>

namespace fiona::dicom {

namespace {

constexpr Uint32 read_at_once = 4096;     // longer values stay in the file until asked for
constexpr Uint32 most_bytes = 16U << 20U; // Siemens' headers have a tenth of a megabyte

struct Entry {
    Tag tag;
    DcmElement* element = nullptr; ///< borrowed
};

Tag tag_of(const DcmObject& object)
{
    return {object.getGTag(), object.getETag()};
}

/// The elements of an item in ascending order. DCMTK walks its list for every question; this walks
/// it once.
std::vector<Entry> entries_of(DcmItem& item)
{
    std::vector<Entry> entries;
    entries.reserve(item.card());
    for (auto* object = item.nextInContainer(nullptr); object != nullptr;
         object = item.nextInContainer(object)) {
        if (auto* const element = dynamic_cast<DcmElement*>(object)) {
            entries.push_back({tag_of(*object), element});
        }
    }
    if (!std::ranges::is_sorted(entries, {}, &Entry::tag)) {
        std::ranges::stable_sort(entries, {}, &Entry::tag);
    }
    return entries;
}

using Entries = std::span<const Entry>;

DcmElement* find(Entries entries, Tag tag)
{
    const auto found = std::ranges::lower_bound(entries, tag, {}, &Entry::tag);
    return found != entries.end() && found->tag == tag ? found->element : nullptr;
}

std::string raw_text(Entries entries, Tag tag)
{
    auto* const element = find(entries, tag);
    return element == nullptr ? std::string{} : raw_string(*element);
}

/// As it is in the file or, if it stayed there, after reading it; nothing if it has no bytes.
std::optional<std::span<const std::byte>> raw_bytes(DcmElement& element)
{
    const auto as_bytes = [](const void* first, std::size_t length) {
        return std::span{static_cast<const std::byte*>(first), length};
    };
    if (element.getLengthField() == 0 || element.getLengthField() > most_bytes) {
        return std::nullopt;
    }
    if (const auto loaded = element.loadAllDataIntoMemory(); loaded.bad()) {
        throw Error{Fault::io, "read a value: {}", loaded.text()};
    }
    Uint8* bytes = nullptr;
    if (element.isaString() != OFFalse) {
        char* text = nullptr;
        Uint32 length = 0;
        return element.getString(text, length).good() && text != nullptr
                   ? std::optional{as_bytes(text, length)}
                   : std::nullopt;
    }
    return element.getUint8Array(bytes).good() && bytes != nullptr
               ? std::optional{as_bytes(bytes, element.getLengthField())}
               : std::nullopt;
}

bool is_creator(DcmElement& element, std::string_view creator)
{
    if (element.isaString() != OFFalse) {
        return trimmed(raw_string(element)) == creator;
    }
    const auto bytes = raw_bytes(element); // some archives give it the VR UN
    // NOLINTNEXTLINE(cppcoreguidelines-pro-type-reinterpret-cast) bytes as text
    const auto* const text = bytes ? reinterpret_cast<const char*>(bytes->data()) : "";
    return trimmed({text, bytes ? bytes->size() : 0}) == creator;
}

/// PS3.5 §7.8.1: (odd group, 0010-00FF) reserves the block of that number for its value.
DcmElement* find_private(Entries entries, const Step& step)
{
    constexpr std::uint16_t first_block = 0x10;
    constexpr std::uint16_t last_block = 0xff;
    constexpr unsigned bits = 8;
    auto entry =
        std::ranges::lower_bound(entries, Tag{step.tag.group, first_block}, {}, &Entry::tag);
    for (; entry != entries.end() && entry->tag <= Tag{step.tag.group, last_block}; ++entry) {
        const auto number = static_cast<std::uint16_t>((entry->tag.element << bits)
                                                       | (step.tag.element & last_block));
        auto* const found = find(entries, {step.tag.group, number});
        if (found != nullptr && is_creator(*entry->element, step.creator)) {
            return found;
        }
    }
    return nullptr;
}

DcmElement* find(Entries entries, const Step& step)
{
    return step.creator.empty() ? find(entries, step.tag) : find_private(entries, step);
}

constexpr Tag specific_charset{0x0008, 0x0005};

struct Found {
    DcmElement* element = nullptr; ///< borrowed; null if there is none
    std::string declared_charset;
};

/// `entries` are the elements of the item where the path begins, `declared` its character set.
Found find_at(Entries entries, std::span<const Step> path, std::string declared)
{
    std::vector<Entry> inner;
    for (; !path.empty(); path = path.subspan(1)) {
        auto* const element = find(entries, path.front());
        if (element == nullptr || path.size() == 1) {
            return {element, std::move(declared)};
        }
        auto* const sequence = dynamic_cast<DcmSequenceOfItems*>(element);
        const auto number = path.front().item;
        if (sequence == nullptr || number >= sequence->card()) {
            break;
        }
        auto* const item = sequence->getItem(static_cast<unsigned long>(number));
        if (item == nullptr) {
            break;
        }
        inner = entries_of(*item);
        entries = inner;
        if (find(entries, specific_charset) != nullptr) { // PS3.3 §C.12.1.1.2: inside the item
            declared = raw_text(entries, specific_charset);
        }
    }
    return {};
}

/// Whether every UID that the pre-scan has seen is among the elements read.
bool has_all_uids(Entries entries, const Prescan& scan)
{
    const std::array<std::pair<Tag, const std::string&>, 4> uids{
        {{{0x0008, 0x0016}, scan.sop_class},
         {{0x0008, 0x0018}, scan.sop_instance},
         {{0x0020, 0x000d}, scan.study},
         {{0x0020, 0x000e}, scan.series}}};
    return std::ranges::all_of(uids, [&](const auto& uid) {
        return uid.second.empty() || find(entries, uid.first) != nullptr;
    });
}

} // namespace

struct Header::Data {
    mutable DcmFileFormat file;
    std::vector<Entry> entries{};
    std::string declared_charset;
    Charset charset;
    mutable std::size_t guessed = 0;

    [[nodiscard]] std::vector<std::string> values_of(DcmElement& element,
                                                     const Charset& item_charset) const
    {
        auto result = element_values(element, item_charset);
        guessed += result.guessed ? 1U : 0U;
        return std::move(result.values);
    }

    [[nodiscard]] std::vector<std::string> values_of(const Found& found) const
    {
        return found.declared_charset == declared_charset
                   ? values_of(*found.element, charset)
                   : values_of(*found.element, Charset{found.declared_charset});
    }
};

Header::Header(std::unique_ptr<Data> data) : m_data{std::move(data)} {}
Header::Header(Header&&) noexcept = default;
Header& Header::operator=(Header&&) noexcept = default;
Header::~Header() = default;

Header Header::read(const std::filesystem::path& file)
{
    const auto scan = prescan_file(file);
    auto data = std::make_unique<Data>();
    const DcmTagKey first_pixel_tag{0x7fe0, 0x0000}; // offset tables stand before the pixels
    check(data->file.loadFileUntilTag(file.c_str(), EXS_Unknown, EGL_noChange, read_at_once,
                                      ERM_fileOnly, first_pixel_tag),
          "read the header");
    data->entries = entries_of(*data->file.getDataset());
    // Some may stand behind the pixels, against PS3.5 §7.1. Not of a deflated data set: all of it would
    // be read into memory.
    if (scan.pixel_data_offset && !has_all_uids(data->entries, scan)) {
        check(data->file.loadFile(file.c_str(), EXS_Unknown, EGL_noChange, read_at_once,
                                  ERM_fileOnly),
              "read the whole file");
        data->entries = entries_of(*data->file.getDataset());
    }
    data->declared_charset = raw_text(data->entries, specific_charset);
    data->charset = Charset{data->declared_charset};
    return Header{std::move(data)};
}

bool Header::has(Tag tag) const
{
    return find(m_data->entries, tag) != nullptr;
}

std::optional<std::vector<std::string>> Header::values(Tag tag) const
{
    auto* const element = find(m_data->entries, tag);
    if (element == nullptr) {
        return std::nullopt;
    }
    return m_data->values_of(*element, m_data->charset);
}

std::string Header::text(Tag tag) const
{
    std::string result;
    const auto all = values(tag).value_or(std::vector<std::string>{});
    for (const auto& value : all) {
        result += (&value == all.data() ? "" : "\\") + value;
    }
    return result;
}

std::string Header::vr(Tag tag) const
{
    auto* const element = find(m_data->entries, tag);
    const DcmTag known{tag.group, tag.element};
    const DcmVR vr =
        element == nullptr || element->getVR() == EVR_UN ? known.getVR() : DcmVR{element->getVR()};
    return vr.getValidVRName();
}

std::optional<Tag> Header::tag_of(std::string_view keyword)
{
    // The dictionary is searched from end to end for a name, so the answers are kept.
    static thread_local std::map<std::string, std::optional<Tag>, std::less<>> known;
    const auto remembered = known.find(keyword);
    if (remembered != known.end()) {
        return remembered->second;
    }
    std::optional<Tag> tag;
    const std::string name{keyword};
    const auto& dictionary = dcmDataDict.rdlock();
    for (const auto& spelling : {name, "RETIRED_" + name}) {
        const auto* const entry = dictionary.findEntry(spelling.c_str());
        if (!tag && entry != nullptr && entry->getPrivateCreator() == nullptr) {
            tag = Tag{entry->getGroup(), entry->getElement()};
        }
    }
    dcmDataDict.rdunlock();
    known.emplace(name, tag);
    return tag;
}

std::optional<std::vector<std::string>> Header::values_at(const Path& path) const
{
    const auto found = find_at(m_data->entries, path, m_data->declared_charset);
    return found.element == nullptr ? std::nullopt : std::optional{m_data->values_of(found)};
}

std::vector<std::vector<std::string>> Header::values_in_items(Tag sequence, const Path& path) const
{
    std::vector<std::vector<std::string>> result;
    auto* const items = dynamic_cast<DcmSequenceOfItems*>(find(m_data->entries, sequence));
    if (items == nullptr) {
        return result;
    }
    for (auto* object = items->nextInContainer(nullptr); object != nullptr;
         object = items->nextInContainer(object)) {
        auto& values = result.emplace_back();
        if (auto* const item = dynamic_cast<DcmItem*>(object)) {
            const auto entries = entries_of(*item);
            const auto found = find_at(entries, path, m_data->declared_charset);
            if (found.element != nullptr) {
                values = m_data->values_of(found);
            }
        }
    }
    return result;
}

std::optional<std::span<const std::byte>> Header::bytes_at(const Path& path) const
{
    auto* const element = find_at(m_data->entries, path, {}).element;
    return element == nullptr ? std::nullopt : raw_bytes(*element);
}

std::string Header::meta_text(Tag tag) const
{
    auto* const meta = m_data->file.getMetaInfo();
    DcmElement* element = nullptr;
    if (meta == nullptr || meta->findAndGetElement({tag.group, tag.element}, element).bad()) {
        return {};
    }
    const auto values = m_data->values_of(*element, Charset{});
    return values.empty() ? std::string{} : values.front();
}

std::size_t Header::guessed_texts() const
{
    return m_data->guessed;
}

} // namespace fiona::dicom
