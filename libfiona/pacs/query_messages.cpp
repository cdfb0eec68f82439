// SPDX-License-Identifier: MIT
#include "libfiona/pacs/query_messages.h"

#include "libfiona/base/text.h"
#include "libfiona/dicom/charset.h"
#include "libfiona/dicom/element_set.h"
#include "libfiona/dicom/element_text.h"
#include "libfiona/pacs/receiver_sink.h"

#include <dcmtk/config/osconfig.h>
#include <dcmtk/dcmdata/dcdatset.h>
#include <dcmtk/dcmdata/dcdeftag.h>
#include <dcmtk/dcmdata/dctk.h>
#include <dcmtk/dcmnet/dimse.h>

#include <algorithm>
#include <utility>

namespace fiona::pacs {

namespace {

constexpr dicom::Tag character_set_tag{0x0008, 0x0005};

const char* level_name(Level level)
{
    switch (level) {
    case Level::patient: return "PATIENT";
    case Level::study: return "STUDY";
    case Level::series: return "SERIES";
    case Level::image: break;
    }
    return "IMAGE";
}

/// Keys go out in the default repertoire (no Specific Character Set), so anything else would be
/// read by the peer as it likes.
void check_key(std::string_view keyword, std::string_view value)
{
    const bool printable = std::ranges::all_of(value, [](char c) { return c >= 0x20 && c < 0x7f; });
    if (!printable) {
        throw Error{Fault::data, "query key {}: only printable ASCII can be asked for", keyword};
    }
}

DcmTag tag_of(const std::string& keyword)
{
    DcmTag tag;
    // DCMTK's dictionary also has private elements; their numbers mean nothing to a peer.
    if (DcmTag::findTagFromName(keyword.c_str(), tag).bad() || tag.isPrivate()) {
        throw Error{Fault::data, "query key {}: no keyword of the dictionary", keyword};
    }
    return tag;
}

std::string joined(const std::vector<std::string>& values)
{
    std::string text;
    for (const auto& value : values) {
        text += text.empty() && &value == &values.front() ? "" : "\\";
        text += value;
    }
    return text;
}

} // namespace

std::unique_ptr<DcmDataset> make_identifier(Level level, const Keys& keys)
{
    auto dataset = std::make_unique<DcmDataset>();
    for (const auto& [keyword, value] : keys) {
        check_key(keyword, value);
        if (dataset->putAndInsertString(tag_of(keyword), value.c_str()).bad()) {
            throw Error{Fault::data, "query key {}: cannot be asked for as text", keyword};
        }
    }
    dataset->putAndInsertString(DCM_QueryRetrieveLevel, level_name(level));
    return dataset;
}

Keys read_identifier(std::vector<std::byte> bytes, std::string_view transfer_syntax,
                     const Keys& asked)
{
    const auto coding = transfer_syntax == UID_LittleEndianImplicitTransferSyntax
                            ? dicom::Coding::implicit_little
                            : dicom::Coding::explicit_little;
    const dicom::ElementSet elements{std::move(bytes), coding};
    const dicom::Charset charset{elements.text(character_set_tag)};
    Keys answer;
    for (const auto& [keyword, ignored] : asked) {
        auto& value = answer[keyword];
        const auto tag = dicom::Header::tag_of(keyword);
        const auto* const element = tag ? elements.find(*tag) : nullptr;
        const auto stored = element == nullptr ? std::nullopt : elements.bytes(*element);
        if (stored) {
            const auto found =
                dicom::element_values({*tag, elements.vr(*element), *stored}, charset);
            value = trimmed(joined(found.values));
        }
    }
    return answer;
}

std::vector<std::string> identifier_syntaxes()
{
    return {UID_LittleEndianExplicitTransferSyntax, UID_LittleEndianImplicitTransferSyntax};
}

Exchange::Exchange(Association& association, std::string peer, Time deadline)
    : m_association{association}, m_peer{std::move(peer)}, m_deadline{deadline}
{
}

int Exchange::patience() const
{
    const auto left =
        std::chrono::ceil<std::chrono::seconds>(m_deadline - std::chrono::steady_clock::now());
    return static_cast<int>(
        std::clamp<std::chrono::seconds::rep>(left.count(), 0, m_association.timeout()));
}

Error Exchange::lost()
{
    m_association.give_up();
    return Error{Fault::unreachable, "{} did not finish its answer", m_peer};
}

Error Exchange::nonsense(std::string_view what)
{
    m_association.give_up();
    return Error{Fault::protocol, "{} {}", m_peer, what};
}

void Exchange::send(const Context& context, T_DIMSE_Message& request, DcmDataset& identifier)
{
    if (DIMSE_sendMessageUsingMemoryData(m_association.handle(), context.id, &request, nullptr,
                                         &identifier, nullptr, nullptr)
            .bad()) {
        throw lost();
    }
}

void Exchange::cancel(const Context& context, std::uint16_t message_id)
{
    if (DIMSE_sendCancelRequest(m_association.handle(), context.id, message_id).bad()) {
        throw lost();
    }
}

Incoming Exchange::receive()
{
    const auto seconds = patience();
    if (seconds == 0) {
        throw lost();
    }
    auto message = std::make_unique<T_DIMSE_Message>();
    std::uint8_t context = 0;
    DcmDataset* raw_detail = nullptr;
    const auto got = DIMSE_receiveCommand(m_association.handle(), DIMSE_NONBLOCKING, seconds,
                                          &context, message.get(), &raw_detail);
    const std::unique_ptr<DcmDataset> detail{raw_detail};
    if (got.bad()) {
        throw lost();
    }
    return {std::move(message), context};
}

std::vector<std::byte> Exchange::receive_identifier(std::uint8_t context)
{
    std::vector<std::byte> bytes;
    bytes.reserve(1024);
    bool is_too_long = false;
    const auto take = [&](const void* fragment, std::size_t count) {
        is_too_long = is_too_long || bytes.size() + count > max_identifier_bytes;
        if (!is_too_long) {
            const auto* const first = static_cast<const std::byte*>(fragment);
            bytes.insert(bytes.end(), first, first + count);
        }
    };
    if (receive_data_set(m_association.handle(), context, std::max(patience(), 1), take).bad()) {
        throw lost();
    }
    if (is_too_long) {
        throw nonsense("answers with an identifier of more than a megabyte");
    }
    return bytes;
}

} // namespace fiona::pacs
