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

constexpr Uint32 read_at_once = 4096; // longer values stay in the file until asked for

DcmTagKey key_of(Tag tag)
{
    return {tag.group, tag.element};
}

/// DCMTK's search functions are not const though they change nothing.
DcmElement* find(DcmItem& item, Tag tag)
{
    DcmElement* found = nullptr;
    return item.findAndGetElement(key_of(tag), found).good() ? found : nullptr;
}

std::string raw_text(DcmItem& item, Tag tag)
{
    auto* const element = find(item, tag);
    return element == nullptr ? std::string{} : raw_string(*element);
}

DcmItem* first_item(DcmItem& parent, Tag sequence)
{
    DcmItem* item = nullptr;
    return parent.findAndGetSequenceItem(key_of(sequence), item, 0).good() ? item : nullptr;
}

/// Whether every UID that the pre-scan has seen is among the elements read.
bool has_all_uids(DcmDataset& set, const Prescan& scan)
{
    const std::array<std::pair<Tag, const std::string&>, 4> uids{
        {{{0x0008, 0x0016}, scan.sop_class},
         {{0x0008, 0x0018}, scan.sop_instance},
         {{0x0020, 0x000d}, scan.study},
         {{0x0020, 0x000e}, scan.series}}};
    return std::ranges::all_of(uids, [&](const auto& uid) {
        return uid.second.empty() || find(set, uid.first) != nullptr;
    });
}

} // namespace

struct Header::Data {
    mutable DcmFileFormat file;
    Charset charset;
    mutable std::size_t guessed = 0;
    struct PrivateBlock {
        std::uint16_t group;
        std::uint16_t number;
        std::string creator;
    };
    std::vector<PrivateBlock> private_blocks{};

    [[nodiscard]] DcmDataset& set() const { return *file.getDataset(); }

    /// PS3.5 §7.8.1: (odd group, 0010-00FF) reserves the block of that number for its value.
    void find_private_creators()
    {
        constexpr std::uint16_t first_block = 0x10;
        constexpr std::uint16_t last_block = 0xff;
        for (auto* object = set().nextInContainer(nullptr); object != nullptr;
             object = set().nextInContainer(object)) {
            auto* const element = dynamic_cast<DcmElement*>(object);
            const auto group = object->getGTag();
            const auto number = object->getETag();
            if (element != nullptr && (group & 1U) != 0 && number >= first_block
                && number <= last_block) {
                private_blocks.push_back(
                    {group, number, std::string{trimmed(raw_string(*element))}});
            }
        }
    }

    [[nodiscard]] std::vector<std::string> values_of(DcmElement& element,
                                                     const Charset& item_charset) const
    {
        auto result = element_values(element, item_charset);
        guessed += result.guessed ? 1U : 0U;
        return std::move(result.values);
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
    // Some may stand behind the pixels, against PS3.5 §7.1. Not of a deflated data set: all of it would
    // be read into memory.
    if (scan.pixel_data_offset && !has_all_uids(data->set(), scan)) {
        check(data->file.loadFile(file.c_str(), EXS_Unknown, EGL_noChange, read_at_once,
                                  ERM_fileOnly),
              "read the whole file");
    }
    data->find_private_creators();
    data->charset = Charset{raw_text(data->set(), {0x0008, 0x0005})};
    return Header{std::move(data)};
}

bool Header::has(Tag tag) const
{
    return find(m_data->set(), tag) != nullptr;
}

std::optional<std::vector<std::string>> Header::values(Tag tag) const
{
    auto* const element = find(m_data->set(), tag);
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
    auto* const element = find(m_data->set(), tag);
    const DcmTag known{key_of(tag)};
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

std::optional<std::vector<std::string>>
Header::private_values(std::uint16_t group, std::string_view creator, std::uint8_t element) const
{
    for (const auto& block : m_data->private_blocks) {
        if (block.group != group || block.creator != creator) {
            continue;
        }
        const auto number = static_cast<std::uint16_t>((block.number << 8U) | element);
        if (auto found = values({group, number})) {
            return found;
        }
    }
    return std::nullopt;
}

std::optional<std::vector<std::string>> Header::nested_values(const std::vector<Tag>& path) const
{
    if (path.empty()) {
        return std::nullopt;
    }
    DcmItem* item = &m_data->set();
    auto declared = raw_text(*item, {0x0008, 0x0005});
    for (std::size_t i = 0; i + 1 < path.size(); ++i) {
        item = first_item(*item, path[i]);
        if (item == nullptr) {
            return std::nullopt;
        }
        if (find(*item, {0x0008, 0x0005}) != nullptr) { // PS3.3 §C.12.1.1.2: holds inside the item
            declared = raw_text(*item, {0x0008, 0x0005});
        }
    }
    auto* const element = find(*item, path.back());
    if (element == nullptr) {
        return std::nullopt;
    }
    return m_data->values_of(*element, Charset{declared});
}

std::string Header::meta_text(Tag tag) const
{
    auto* const meta = m_data->file.getMetaInfo();
    auto* const element = meta == nullptr ? nullptr : find(*meta, tag);
    if (element == nullptr) {
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
