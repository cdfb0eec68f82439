// SPDX-License-Identifier: MIT
#include "libfiona/dicom/header.h"

#include "libfiona/base/error.h"
#include "libfiona/base/text.h"
#include "libfiona/dicom/charset.h"
#include "libfiona/dicom/element_set.h"

#include <dcmtk/config/osconfig.h>
#include <dcmtk/dcmdata/dcdicent.h>
#include <dcmtk/dcmdata/dcdict.h>

#include <fcntl.h>

#include <algorithm>
#include <cerrno>
#include <map>

namespace fiona::dicom {

namespace {

constexpr std::size_t most_bytes = std::size_t{16} << 20U; // Siemens' headers have a tenth of one
constexpr std::size_t most_sequence_bytes = std::size_t{128} << 20U; // 10,000 frames have a third
constexpr Tag specific_charset{0x0008, 0x0005};
constexpr std::uint16_t pixel_group = 0x7fe0;

using Kind = WalkedElement::Kind;

} // namespace

/// The values are read from the bytes as the pre-scan's walk has found them: DCMTK makes an object of
/// every element, which takes longer than all else that is done with a header.
struct Header::Data {
    Data(UniqueFd fd, IndexedFile index)
        : file{std::move(fd), index}, meta{std::move(index.meta)}, top{std::move(index.data_set)},
          declared_charset{top.text(specific_charset)}, charset{declared_charset}
    {
    }

    struct Found {
        const ElementSet* set = nullptr; ///< borrowed
        const WalkedElement* element = nullptr;
        std::string declared_charset;
    };

    ValueFile file;
    ElementSet meta;
    ElementSet top;
    std::string declared_charset;
    Charset charset;
    mutable std::size_t guessed = 0;
    mutable std::map<Tag, std::vector<std::byte>> read_later{};  ///< of `top`
    mutable std::map<Tag, std::vector<ElementSet>> items_read{}; ///< of sequences in `top`
    mutable std::vector<std::unique_ptr<std::vector<ElementSet>>> inner_items{};

    /// Pixel data is none of ours.
    [[nodiscard]] const WalkedElement* find(Tag tag) const
    {
        return tag.group == pixel_group ? nullptr : top.find(tag);
    }

    /// Nothing if it is too large.
    [[nodiscard]] std::optional<std::span<const std::byte>>
    bytes_of(const ElementSet& set, const WalkedElement& element) const
    {
        if (auto here = set.bytes(element)) {
            return here;
        }
        if (element.length > most_bytes) {
            return std::nullopt;
        }
        auto found = read_later.find(element.tag);
        if (found == read_later.end()) {
            found = read_later.emplace(element.tag, file.read(element)).first;
        }
        return found->second;
    }

    [[nodiscard]] std::vector<std::string> values_of(const ElementSet& set,
                                                     const WalkedElement& element,
                                                     const Charset& item_charset) const
    {
        if (element.kind != Kind::value) {
            return {};
        }
        const auto bytes = bytes_of(set, element);
        if (!bytes) {
            return {};
        }
        const auto order =
            element.coding == Coding::explicit_big ? std::endian::big : std::endian::little;
        auto result = element_values({element.tag, set.vr(element), *bytes, order}, item_charset);
        guessed += result.guessed ? 1U : 0U;
        return std::move(result.values);
    }

    [[nodiscard]] std::vector<std::string> values_of(const Found& found) const
    {
        return found.declared_charset == declared_charset
                   ? values_of(*found.set, *found.element, charset)
                   : values_of(*found.set, *found.element, Charset{found.declared_charset});
    }

    [[nodiscard]] const std::vector<ElementSet>& items(const ElementSet& set,
                                                       const WalkedElement& sequence) const
    {
        static const std::vector<ElementSet> none;
        if (sequence.kind != Kind::sequence || sequence.length > most_sequence_bytes) {
            return none;
        }
        if (&set == &top) {
            auto found = items_read.find(sequence.tag);
            if (found == items_read.end()) {
                found =
                    items_read.emplace(sequence.tag, items_of(sequence, file.read(sequence))).first;
            }
            return found->second;
        }
        const auto bytes = *set.bytes(sequence); // an item has all its bytes
        inner_items.push_back(std::make_unique<std::vector<ElementSet>>(
            items_of(sequence, {bytes.begin(), bytes.end()})));
        return *inner_items.back();
    }

    /// `path` begins in `set`, whose character set is `declared`.
    [[nodiscard]] Found find_at(const ElementSet& set, std::span<const Step> path,
                                std::string declared) const
    {
        const auto* here = &set;
        for (; !path.empty(); path = path.subspan(1)) {
            const auto* const element = here->find(path.front());
            if (element == nullptr || path.size() == 1) {
                return {here, element, std::move(declared)};
            }
            const auto& inside = items(*here, *element);
            if (path.front().item >= inside.size()) {
                break;
            }
            here = &inside[path.front().item];
            if (here->find(specific_charset) != nullptr) { // PS3.3 §C.12.1.1.2: inside the item
                declared = here->text(specific_charset);
            }
        }
        return {};
    }
};

Header::Header(std::unique_ptr<Data> data) : m_data{std::move(data)} {}
Header::Header(Header&& other) noexcept = default;
Header& Header::operator=(Header&& other) noexcept = default;
Header::~Header() = default;

Header Header::read(const std::filesystem::path& file)
{
    UniqueFd fd{::open(file.c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK)};
    if (!fd) {
        throw os_error(errno, "open the file");
    }
    auto index = index_file(fd.get());
    return Header{std::make_unique<Data>(std::move(fd), std::move(index))};
}

bool Header::has(Tag tag) const
{
    return m_data->find(tag) != nullptr;
}

std::optional<std::vector<std::string>> Header::values(Tag tag) const
{
    const auto* const element = m_data->find(tag);
    if (element == nullptr) {
        return std::nullopt;
    }
    return m_data->values_of(m_data->top, *element, m_data->charset);
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
    const auto* const element = m_data->find(tag);
    const auto vr = element == nullptr ? std::string_view{"UN"} : m_data->top.vr(*element);
    return std::string{vr == "UN" || vr == "??" ? dictionary_vr(tag) : vr};
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
    const auto found = m_data->find_at(m_data->top, path, m_data->declared_charset);
    return found.element == nullptr ? std::nullopt : std::optional{m_data->values_of(found)};
}

std::vector<std::vector<std::string>> Header::values_in_items(Tag sequence, const Path& path) const
{
    std::vector<std::vector<std::string>> result;
    const auto* const element = m_data->find(sequence);
    if (element == nullptr) {
        return result;
    }
    for (const auto& item : m_data->items(m_data->top, *element)) {
        auto& values = result.emplace_back();
        const auto found = m_data->find_at(item, path, m_data->declared_charset);
        if (found.element != nullptr) {
            values = m_data->values_of(found);
        }
        m_data->inner_items.clear(); // ten thousand frames need them one after the other
    }
    return result;
}

std::optional<std::span<const std::byte>> Header::bytes_at(const Path& path) const
{
    const auto found = m_data->find_at(m_data->top, path, {});
    if (found.element == nullptr || found.element->kind != Kind::value
        || found.element->length == 0) {
        return std::nullopt;
    }
    const auto vr = found.set->vr(*found.element);
    if (vr != "OB" && vr != "OW" && vr != "UN" && vr != "??" && !is_text_vr(vr)) {
        return std::nullopt;
    }
    return m_data->bytes_of(*found.set, *found.element);
}

std::string Header::meta_text(Tag tag) const
{
    const auto* const element = m_data->meta.find(tag);
    if (element == nullptr) {
        return {};
    }
    const auto values = m_data->values_of(m_data->meta, *element, Charset{});
    return values.empty() ? std::string{} : values.front();
}

std::size_t Header::guessed_texts() const
{
    return m_data->guessed;
}

} // namespace fiona::dicom
