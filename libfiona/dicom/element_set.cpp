// SPDX-License-Identifier: MIT
#include "libfiona/dicom/element_set.h"

#include "libfiona/base/error.h"
#include "libfiona/base/text.h"

#include <algorithm>
#include <memory>

namespace fiona::dicom {

namespace {

constexpr std::uint16_t first_block = 0x10; // PS3.5 §7.8.1
constexpr std::uint16_t last_block = 0xff;
constexpr unsigned block_bits = 8;

/// Bytes in memory, all in the window.
class MemorySource : public ByteSource {
public:
    explicit MemorySource(std::vector<std::byte> bytes)
    {
        m_window = std::move(bytes);
        m_filled = m_window.size();
    }

    [[nodiscard]] bool skip(std::uint64_t count) override
    {
        if (count > m_filled - m_at) {
            return false;
        }
        m_at += count;
        return true;
    }
    [[nodiscard]] std::uint64_t size() const override { return m_filled; }
    [[nodiscard]] std::vector<std::byte> take() { return std::move(m_window); }

private:
    void refill() override {}
};

void sort(std::vector<WalkedElement>& elements)
{
    if (!std::ranges::is_sorted(elements, {}, &WalkedElement::tag)) {
        std::ranges::stable_sort(elements, {}, &WalkedElement::tag);
    }
}

} // namespace

ElementSet::ElementSet(Walked walked)
    : m_elements{std::move(walked.elements)}, m_values{std::move(walked.values)}
{
    sort(m_elements);
}

ElementSet::ElementSet(std::vector<std::byte> content, Coding coding) : m_is_whole{true}
{
    MemorySource source{std::move(content)};
    m_elements = walk_item(source, coding).elements;
    sort(m_elements);
    m_values = source.take();
}

const WalkedElement* ElementSet::find(Tag tag) const
{
    const auto found = std::ranges::lower_bound(m_elements, tag, {}, &WalkedElement::tag);
    return found != m_elements.end() && found->tag == tag ? &*found : nullptr;
}

const WalkedElement* ElementSet::find(const Step& step) const
{
    return step.creator.empty() ? find(step.tag) : find_private(step);
}

const WalkedElement* ElementSet::find_private(const Step& step) const
{
    auto block = std::ranges::lower_bound(m_elements, Tag{step.tag.group, first_block}, {},
                                          &WalkedElement::tag);
    for (; block != m_elements.end() && block->tag <= Tag{step.tag.group, last_block}; ++block) {
        const auto number = static_cast<std::uint16_t>((block->tag.element << block_bits)
                                                       | (step.tag.element & last_block));
        const auto* const found = find(Tag{step.tag.group, number});
        if (found != nullptr && trimmed_bytes(*block) == step.creator) {
            return found;
        }
    }
    return nullptr;
}

std::optional<std::span<const std::byte>> ElementSet::bytes(const WalkedElement& element) const
{
    const std::span<const std::byte> all{m_values};
    if (m_is_whole) {
        return all.subspan(element.offset, element.length);
    }
    if (element.copied_at == WalkedElement::not_copied) {
        return std::nullopt;
    }
    return all.subspan(element.copied_at, element.length);
}

std::string_view ElementSet::trimmed_bytes(const WalkedElement& element) const
{
    const auto found = bytes(element);
    return found ? trimmed(as_text(*found)) : std::string_view{};
}

/// PS3.5 §A.1: where the standard says "US or SS", Pixel Representation (0028,0103) decides.
bool ElementSet::is_signed_here(Tag tag) const
{
    if (!is_us_or_ss(tag)) {
        return false;
    }
    const auto* const representation = find(Tag{0x0028, 0x0103});
    const auto value = representation == nullptr ? std::nullopt : bytes(*representation);
    return value && !value->empty() && value->front() == std::byte{1};
}

std::string_view ElementSet::text(Tag tag) const
{
    const auto* const found = find(tag);
    return found == nullptr || !is_text_vr(vr(*found)) ? std::string_view{} : trimmed_bytes(*found);
}

std::string_view ElementSet::vr(const WalkedElement& element) const
{
    if (element.kind == WalkedElement::Kind::sequence) {
        return "SQ";
    }
    if (element.vr[0] != '\0') {
        return {element.vr.data(), element.vr.size()};
    }
    const auto vr = implicit_vr(element.tag);
    return vr == "UN" ? "??" : vr;
}

std::string_view ElementSet::implicit_vr(Tag tag) const
{
    if (tag.group % 2 == 0 || tag.element < first_block) {
        const auto vr = dictionary_vr(tag);
        return vr == "US" && is_signed_here(tag) ? "SS" : vr;
    }
    if (tag.element <= last_block) {
        return "LO"; // a private creator
    }
    const auto* const creator =
        find(Tag{tag.group, static_cast<std::uint16_t>(tag.element >> block_bits)});
    return creator == nullptr ? "UN"
                              : dictionary_vr(tag, std::string{trimmed_bytes(*creator)}.c_str());
}

std::vector<ElementSet> items_of(const WalkedElement& sequence, std::vector<std::byte> bytes)
{
    MemorySource source{std::move(bytes)};
    const auto places = walk_sequence(source, sequence);
    const auto all = source.take();
    std::vector<ElementSet> items;
    items.reserve(places.size());
    for (const auto& place : places) {
        const auto first = all.begin() + static_cast<std::ptrdiff_t>(place.offset);
        items.emplace_back(
            std::vector<std::byte>{first, first + static_cast<std::ptrdiff_t>(place.length)},
            sequence.coding);
    }
    return items;
}

ValueFile::ValueFile(UniqueFd fd, const IndexedFile& index)
    : m_fd{std::move(fd)}, m_data_set_offset{index.scan.data_set_offset}, m_is_deflated{
                                                                              index.is_deflated}
{
}

std::vector<std::byte> ValueFile::read(const WalkedElement& element) const
{
    const auto open = [&]() -> std::unique_ptr<ByteSource> {
        if (m_is_deflated) {
            return std::make_unique<InflateSource>(m_fd.get(), m_data_set_offset, PrescanLimits{});
        }
        return std::make_unique<FileSource>(m_fd.get());
    };
    const auto source = open();
    bool is_there = source->skip(element.offset);
    std::vector<std::byte> bytes;
    bytes.reserve(element.length);
    while (is_there && bytes.size() < element.length) {
        const auto part = source->peek(
            std::min<std::size_t>(ByteSource::max_peek, element.length - bytes.size()));
        bytes.insert(bytes.end(), part.begin(), part.end());
        is_there = !part.empty() && source->skip(part.size());
    }
    if (!is_there) {
        throw Error{Fault::io, "the file has become shorter"};
    }
    return bytes;
}

} // namespace fiona::dicom
