// SPDX-License-Identifier: MIT
#include "libfiona/pacs/query.h"

#include "libfiona/base/error.h"
#include "libfiona/pacs/association.h"
#include "libfiona/pacs/query_messages.h"

#include <dcmtk/config/osconfig.h>
#include <dcmtk/dcmdata/dctk.h>
#include <dcmtk/dcmnet/dimse.h>

#include <algorithm>
#include <optional>
#include <utility>

namespace fiona::pacs {

namespace {

// Both models over one association; PS3.4 §C.6.2.1: the study root model has no patient level.
constexpr std::size_t study_root = 0;
constexpr std::size_t patient_root = 1;

std::size_t model_of(Level level)
{
    return level == Level::patient ? patient_root : study_root;
}

const char* class_of(std::size_t model)
{
    return model == patient_root ? UID_FINDPatientRootQueryRetrieveInformationModel
                                 : UID_FINDStudyRootQueryRetrieveInformationModel;
}

/// Somebody who goes on sending after a cancel is hung up on.
constexpr std::size_t max_dropped_answers = 5'000;

bool is_pending(std::uint16_t status)
{
    return status == STATUS_FIND_Pending_MatchesAreContinuing
           || status == STATUS_FIND_Pending_WarningUnsupportedOptionalKeys;
}

} // namespace

Ending ending_of(std::uint16_t status)
{
    constexpr std::uint16_t warning = 0xb000; // PS3.4 tables C.4-2 and C.4-3
    if (status == STATUS_Success) {
        return Ending::complete;
    }
    if (status == warning) {
        return Ending::partly;
    }
    if (status == STATUS_FIND_Cancel_MatchingTerminatedDueToCancelRequest) {
        return Ending::cancelled;
    }
    if ((status & 0xff00U) == 0xa700U) {
        return Ending::out_of_resources;
    }
    return (status & 0xf000U) == 0xc000U ? Ending::unable : Ending::refused;
}

std::string describe(Ending ending, std::uint16_t status)
{
    switch (ending) {
    case Ending::complete: return "complete";
    case Ending::partly: return "partly done (B000)";
    case Ending::cancelled: return "stopped at a limit (FE00)";
    case Ending::out_of_resources: return fmt::format("out of resources ({:04X})", status);
    case Ending::unable: return fmt::format("unable to process ({:04X})", status);
    case Ending::refused: break;
    }
    return fmt::format("refused with status {:04X}", status);
}

struct QuerySession::Data {
    Peer peer;
    std::chrono::seconds deadline;
    std::optional<Association> association{};
    std::size_t queries = 0;
    std::size_t associations = 0;

    using OnAnswer = std::function<Next(const Keys&)>;

    Data(Peer the_peer, std::chrono::seconds the_deadline)
        : peer{std::move(the_peer)}, deadline{the_deadline}
    {
    }

    void connect()
    {
        association.reset();
        association.emplace(peer,
                            std::vector<Proposal>{{class_of(study_root), identifier_syntaxes()},
                                                  {class_of(patient_root), identifier_syntaxes()}});
        ++associations;
    }

    /// Nothing if the association had been closed before the peer said anything.
    std::optional<FindResult> ask(Level level, const Keys& keys, DcmDataset& identifier,
                                  const OnAnswer& on_answer);
    [[nodiscard]] Context context_of(Level level) const
    {
        const auto context = association->accepted(model_of(level));
        if (!context) {
            throw Error{Fault::protocol, "{} does not answer queries", peer.called_aet};
        }
        return *context;
    }
};

namespace {

/// One query on its way.
class Question {
public:
    Question(Exchange& exchange, const Context& context, std::uint16_t message_id, const Keys& keys,
             const std::function<Next(const Keys&)>& on_answer)
        : m_exchange{exchange}, m_context{context}, m_message_id{message_id}, m_keys{keys},
          m_on_answer{on_answer}
    {
    }

    void send(Level level, DcmDataset& identifier)
    {
        T_DIMSE_Message message{};
        message.CommandField = DIMSE_C_FIND_RQ;
        // NOLINTNEXTLINE(cppcoreguidelines-pro-type-union-access) DCMTK's messages are a union
        auto& request = message.msg.CFindRQ;
        request.MessageID = m_message_id;
        OFStandard::strlcpy(&request.AffectedSOPClassUID[0], class_of(model_of(level)),
                            sizeof request.AffectedSOPClassUID);
        request.DataSetType = DIMSE_DATASET_PRESENT;
        request.Priority = DIMSE_PRIORITY_MEDIUM;
        m_exchange.send(m_context, message, identifier);
    }

    /// True when it was the last answer.
    bool take(const Incoming& incoming)
    {
        // NOLINTNEXTLINE(cppcoreguidelines-pro-type-union-access) DCMTK's messages are a union
        const auto& answer = incoming.message->msg.CFindRSP;
        if (incoming.message->CommandField != DIMSE_C_FIND_RSP
            || answer.MessageIDBeingRespondedTo != m_message_id) {
            throw m_exchange.nonsense("answers something that was not asked");
        }
        std::vector<std::byte> bytes;
        if (answer.DataSetType != DIMSE_DATASET_NULL) {
            bytes = m_exchange.receive_identifier(incoming.context);
        }
        if (!is_pending(answer.DimseStatus)) {
            m_result.status = answer.DimseStatus;
            m_result.ending = ending_of(answer.DimseStatus);
            return true;
        }
        if (m_is_cancelled) {
            if (++m_dropped > max_dropped_answers) {
                throw m_exchange.nonsense("goes on answering a query that was cancelled");
            }
        } else {
            hand_on(std::move(bytes));
        }
        return false;
    }

    [[nodiscard]] const FindResult& result() const { return m_result; }

private:
    void hand_on(std::vector<std::byte> bytes)
    {
        const auto answer = [&] {
            try {
                return read_identifier(std::move(bytes), m_context.transfer_syntax, m_keys);
            } catch (const Error& e) {
                throw m_exchange.nonsense(
                    fmt::format("answers a query with nonsense: {}", e.what()));
            }
        }();
        ++m_result.answers;
        if (m_on_answer(answer) == Next::enough) {
            m_is_cancelled = true;
            m_exchange.cancel(m_context, m_message_id);
        }
    }

    Exchange& m_exchange;
    const Context& m_context;
    std::uint16_t m_message_id;
    const Keys& m_keys;
    const std::function<Next(const Keys&)>& m_on_answer;
    FindResult m_result;
    bool m_is_cancelled = false;
    std::size_t m_dropped = 0;
};

} // namespace

std::optional<FindResult> QuerySession::Data::ask(Level level, const Keys& keys,
                                                  DcmDataset& identifier, const OnAnswer& on_answer)
{
    const bool is_used = association.has_value();
    if (!is_used) {
        connect();
    }
    const auto context = context_of(level);
    const auto begin = std::chrono::steady_clock::now();
    Exchange exchange{*association, peer.called_aet, begin + deadline};
    Question question{exchange, context, association->next_message_id(), keys, on_answer};
    bool has_begun = false;
    try {
        question.send(level, identifier);
        bool is_over = false;
        while (!is_over) {
            const auto incoming = exchange.receive();
            has_begun = true;
            is_over = question.take(incoming);
        }
    } catch (...) {
        association->give_up();
        association.reset();
        const auto elapsed = std::chrono::steady_clock::now() - begin;
        if (is_used && !has_begun && elapsed < std::min(peer.timeout, deadline)) {
            return std::nullopt; // closed while nobody asked anything
        }
        throw;
    }
    ++queries;
    return question.result();
}

QuerySession::QuerySession(Peer peer, std::chrono::seconds deadline)
    : m_data{std::make_unique<Data>(std::move(peer), deadline)}
{
}

QuerySession::~QuerySession() = default;

FindResult QuerySession::find(Level level, const Keys& keys,
                              const std::function<Next(const Keys&)>& on_answer)
{
    const auto identifier = make_identifier(level, keys);
    if (const auto result = m_data->ask(level, keys, *identifier, on_answer)) {
        return *result;
    }
    return m_data->ask(level, keys, *identifier, on_answer).value(); // over a new association
}

std::size_t QuerySession::queries() const
{
    return m_data->queries;
}

std::size_t QuerySession::associations() const
{
    return m_data->associations;
}

const Peer& QuerySession::peer() const
{
    return m_data->peer;
}

std::vector<Keys> find(const Peer& peer, Level level, const Keys& keys)
{
    QuerySession session{peer};
    std::vector<Keys> found;
    const auto result = session.find(level, keys, [&](const Keys& answer) {
        found.push_back(answer);
        return Next::more;
    });
    if (result.ending != Ending::complete) {
        throw Error{Fault::protocol, "{} answers a query with status {:04X}", peer.called_aet,
                    result.status};
    }
    return found;
}

} // namespace fiona::pacs
