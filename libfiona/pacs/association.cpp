// SPDX-License-Identifier: MIT
#include "libfiona/pacs/association.h"

#include "libfiona/base/error.h"
#include "libfiona/pacs/tls_client.h"

#include <dcmtk/config/osconfig.h>
#include <dcmtk/dcmnet/assoc.h>
#include <dcmtk/dcmnet/cond.h>
#include <dcmtk/dcmnet/dcmlayer.h>
#include <dcmtk/dcmnet/dcmtrans.h>
#include <dcmtk/dcmnet/dul.h>
#include <fmt/format.h>

#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/socket.h>
#include <sys/uio.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <vector>

namespace fiona::pacs {

namespace {

void set_option(int socket, int option)
{
    const int on = 1;
    // Only speed depends on it: a socket that refuses works all the same.
    static_cast<void>(::setsockopt(socket, IPPROTO_TCP, option, &on, sizeof on));
}

/// A TCP connection that never waits for the other side's timers.
class PromptConnection final : public DcmTCPConnection {
public:
    explicit PromptConnection(DcmNativeSocketType socket) : DcmTCPConnection{socket}
    {
        set_option(socket, TCP_NODELAY);
    }

    // A peer with Nagle sends the 12 bytes of a PDU header, then waits for our acknowledgement
    // before it sends the rest. The kernel leaves this mode by itself, so it is set each time.
    ssize_t read(void* buffer, size_t length) override
    {
        set_option(getSocket(), TCP_QUICKACK);
        return DcmTCPConnection::read(buffer, length);
    }

    // DCMTK writes a P-DATA-TF PDU (type 4, PS3.8 §9.3.5) in two calls: 12 bytes of header, then
    // the rest. Both go out together, and the PDUs of one data set as few segments.
    ssize_t write(void* buffer, size_t length) override
    {
        constexpr unsigned char data_pdu = 4;
        auto* const bytes = static_cast<unsigned char*>(buffer);
        if (m_head.empty() && length == head_length && *bytes == data_pdu) {
            m_head.assign(bytes, bytes + length);
            return static_cast<ssize_t>(length);
        }
        constexpr std::size_t control_header = 11; // PS3.8 §E.2
        constexpr unsigned char last_fragment = 2;
        const bool more_follows = !m_head.empty() && (m_head[control_header] & last_fragment) == 0;
        std::array<iovec, 2> parts{{{m_head.data(), m_head.size()}, {buffer, length}}};
        msghdr message{};
        message.msg_iov = parts.data();
        message.msg_iovlen = parts.size();
        ssize_t written = 0;
        do {
            written = ::sendmsg(getSocket(), &message,
                                more_follows ? MSG_NOSIGNAL | MSG_MORE : MSG_NOSIGNAL);
        } while (written < 0 && errno == EINTR);
        const auto head = static_cast<ssize_t>(m_head.size());
        m_head.clear();
        if (written >= 0 && written < head) { // the time to send has run out
            errno = ETIMEDOUT;
            return -1;
        }
        return written < 0 ? -1 : written - head;
    }

private:
    static constexpr std::size_t head_length = 12;
    std::vector<unsigned char> m_head; ///< of a data PDU, until its rest is written
};

class PromptLayer final : public DcmTransportLayer {
public:
    /// `tls` is borrowed; null for a plain connection.
    explicit PromptLayer(TlsClient* tls) : m_tls{tls} {}

    DcmTransportConnection* createConnection(DcmNativeSocketType socket, OFBool secure) override
    {
        if (secure) {
            return m_tls == nullptr ? nullptr : m_tls->connection(socket);
        }
        return std::make_unique<PromptConnection>(socket).release(); // DCMTK owns it
    }

private:
    TlsClient* m_tls;
};

struct DropNetwork {
    void operator()(T_ASC_Network* network) const { ASC_dropNetwork(&network); }
};
struct DestroyParameters {
    void operator()(T_ASC_Parameters* parameters) const
    {
        ASC_destroyAssociationParameters(&parameters);
    }
};
struct DestroyAssociation {
    void operator()(T_ASC_Association* association) const { ASC_destroyAssociation(&association); }
};

// Our words, not the peer's: what it says may hold anything.
std::string_view rejection(const T_ASC_RejectParameters& reject)
{
    switch (reject.reason) {
    case ASC_REASON_SU_CALLINGAETITLENOTRECOGNIZED: return "it does not know our AE title";
    case ASC_REASON_SU_CALLEDAETITLENOTRECOGNIZED: return "it does not have the called AE title";
    case ASC_REASON_SU_APPCONTEXTNAMENOTSUPPORTED: return "application context not supported";
    case ASC_REASON_SP_ACSE_PROTOCOLVERSIONNOTSUPPORTED: return "protocol version not supported";
    case ASC_REASON_SP_PRES_TEMPORARYCONGESTION: return "temporary congestion";
    case ASC_REASON_SP_PRES_LOCALLIMITEXCEEDED: return "it has too many associations";
    case ASC_REASON_SU_NOREASON:
    case ASC_REASON_SP_ACSE_NOREASON: break;
    }
    return "no reason given";
}

std::string name_of(const Peer& peer)
{
    return fmt::format("{} at {}:{}", peer.called_aet, peer.host, peer.port);
}

} // namespace

struct Association::Data {
    explicit Data(const Peer& other)
        : tls{other.tls ? std::make_unique<TlsClient>(*other.tls, other.host, other.timeout)
                        : nullptr},
          peer{name_of(other)}
    {
    }
    std::unique_ptr<TlsClient> tls; // the layer borrows it
    PromptLayer layer{tls.get()};   // used by the network, so it must outlive it
    std::unique_ptr<T_ASC_Network, DropNetwork> network;
    std::unique_ptr<T_ASC_Association, DestroyAssociation> association;
    int timeout = 0;
    bool broken = false;
    std::string peer;
};

namespace {

void add(T_ASC_Parameters& parameters, std::size_t index, const Proposal& proposal)
{
    std::vector<const char*> syntaxes;
    syntaxes.reserve(proposal.transfer_syntaxes.size());
    for (const auto& syntax : proposal.transfer_syntaxes) {
        syntaxes.push_back(syntax.c_str());
    }
    const auto id = static_cast<T_ASC_PresentationContextID>(2 * index + 1);
    const auto role =
        proposal.role == Proposal::Role::provider ? ASC_SC_ROLE_SCP : ASC_SC_ROLE_DEFAULT;
    const auto added =
        ASC_addPresentationContext(&parameters, id, proposal.abstract_syntax.c_str(),
                                   syntaxes.data(), static_cast<int>(syntaxes.size()), role);
    if (added.bad()) {
        throw Error{Fault::internal, "propose a presentation context: {}", added.text()};
    }
}

} // namespace

Association::Association(const Peer& peer, const std::vector<Proposal>& proposals)
    : m_data{std::make_unique<Data>(peer)}
{
    if (proposals.empty() || proposals.size() > max_proposals) {
        throw Error{Fault::internal, "{} presentation contexts for one association",
                    proposals.size()};
    }
    const auto seconds = std::clamp<std::chrono::seconds::rep>(peer.timeout.count(), 1, 86'400);
    m_data->timeout = static_cast<int>(seconds);
    // Of the whole process, read by DCMTK when it opens the socket.
    dcmConnectionTimeout.set(m_data->timeout);
    dcmSocketSendTimeout.set(m_data->timeout);
    dcmSocketReceiveTimeout.set(m_data->timeout);

    T_ASC_Network* network = nullptr;
    if (const auto made = ASC_initializeNetwork(NET_REQUESTOR, 0, m_data->timeout, &network);
        made.bad()) {
        throw Error{Fault::internal, "prepare the network: {}", made.text()};
    }
    m_data->network.reset(network);
    ASC_setTransportLayer(network, &m_data->layer, 0);

    T_ASC_Parameters* raw_parameters = nullptr;
    if (const auto made = ASC_createAssociationParameters(&raw_parameters, ASC_MAXIMUMPDUSIZE);
        made.bad()) {
        throw Error{Fault::internal, "prepare an association: {}", made.text()};
    }
    std::unique_ptr<T_ASC_Parameters, DestroyParameters> parameters{raw_parameters};
    ASC_setAPTitles(raw_parameters, peer.calling_aet.c_str(), peer.called_aet.c_str(), nullptr);
    const auto address = fmt::format("{}:{}", peer.host, peer.port);
    ASC_setPresentationAddresses(raw_parameters, "localhost", address.c_str());
    ASC_setTransportLayerType(raw_parameters, peer.tls ? OFTrue : OFFalse);
    for (std::size_t i = 0; i < proposals.size(); ++i) {
        add(*raw_parameters, i, proposals[i]);
    }

    T_ASC_Association* association = nullptr;
    const auto asked = ASC_requestAssociation(network, raw_parameters, &association, nullptr,
                                              nullptr, DUL_NOBLOCK, m_data->timeout);
    if (association != nullptr) {
        static_cast<void>(parameters.release()); // the association owns them now
        m_data->association.reset(association);
    }
    if (asked == DUL_ASSOCIATIONREJECTED && association != nullptr) {
        T_ASC_RejectParameters reject{};
        ASC_getRejectParameters(association->params, &reject);
        throw Error{Fault::protocol, "{} rejected the association: {}", m_data->peer,
                    rejection(reject)};
    }
    if (asked.bad() && m_data->tls && !m_data->tls->problem().empty()) {
        throw Error{Fault::protocol, "{}: {}; see RESEARCH_PACS.tls", m_data->peer,
                    m_data->tls->problem()};
    }
    if (asked.bad() || association == nullptr) {
        throw Error{Fault::unreachable, "{} does not answer", m_data->peer};
    }
}

Association::~Association()
{
    if (m_data == nullptr || m_data->association == nullptr) {
        return;
    }
    // A peer that goes away while we say goodbye has all it needs: nothing to report.
    if (m_data->broken) {
        ASC_abortAssociation(m_data->association.get());
    } else {
        ASC_releaseAssociation(m_data->association.get());
    }
}

std::optional<Context> Association::accepted(std::size_t proposal) const
{
    T_ASC_PresentationContext context{};
    const auto id = static_cast<T_ASC_PresentationContextID>(2 * proposal + 1);
    if (ASC_findAcceptedPresentationContext(m_data->association->params, id, &context).bad()) {
        return std::nullopt;
    }
    return Context{id, context.acceptedTransferSyntax};
}

void Association::write(const Context& context, Stream stream, std::span<std::byte> fragment,
                        Last last)
{
    const std::size_t piece = std::max<std::size_t>(m_data->association->sendPDVLength, 1024);
    std::size_t done = 0;
    do {
        const auto length = std::min(piece, fragment.size() - done);
        DUL_PDV pdv{};
        pdv.fragmentLength = length;
        pdv.presentationContextID = context.id;
        pdv.pdvType = stream == Stream::command ? DUL_COMMANDPDV : DUL_DATASETPDV;
        pdv.lastPDV = last == Last::yes && done + length == fragment.size();
        pdv.data = fragment.data() + done;
        DUL_PDVLIST list{};
        list.count = 1;
        list.pdv = &pdv;
        if (const auto sent = DUL_WritePDVs(&m_data->association->DULassociation, &list);
            sent.bad()) {
            give_up();
            throw Error{Fault::unreachable, "{} closed the connection", m_data->peer};
        }
        done += length;
    } while (done < fragment.size());
}

std::uint16_t Association::next_message_id()
{
    return m_data->association->nextMsgID++;
}

int Association::timeout() const
{
    return m_data->timeout;
}

T_ASC_Association* Association::handle() const
{
    return m_data->association.get();
}

void Association::give_up()
{
    m_data->broken = true;
}

bool Association::is_broken() const
{
    return m_data->broken;
}

} // namespace fiona::pacs
